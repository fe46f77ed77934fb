"""Deployment: read an archive, predict, stream. Needs NumPy and no torch."""
