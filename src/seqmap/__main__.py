"""`python -m seqmap`."""

from seqmap.cli import main

main()
