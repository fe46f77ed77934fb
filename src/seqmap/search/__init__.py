"""Search: from scores to answers. NumPy, or the native core; never torch."""
