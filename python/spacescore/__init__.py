"""Live audio rooms that hold on launch day."""
