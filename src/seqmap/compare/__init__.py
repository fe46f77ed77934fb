"""Encoders side by side: the same data and the same budget, and what each of them costs."""
