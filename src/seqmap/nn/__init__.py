"""The networks in torch: what is trained. Deployment reads their weights in `seqmap.runtime`."""
