"""Streams of every task as a server gives them: plain values in, plain values out."""
