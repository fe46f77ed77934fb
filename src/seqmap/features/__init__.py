"""Sparse features of texts: hashed n-grams."""
