"""What the commands do; `seqmap.cli` only declares them."""
