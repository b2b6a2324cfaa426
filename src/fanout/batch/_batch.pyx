# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Whole NumPy arrays per call: RTP columns and trace replay."""
