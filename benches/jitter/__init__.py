"""The jitter harness: every policy on every link, as tables, plots and a gate."""
