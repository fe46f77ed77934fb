"""The sections of RESULTS.md, a file each."""
