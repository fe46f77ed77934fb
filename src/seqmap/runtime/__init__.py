"""Deployment: the archive, and what answers from it without torch."""
