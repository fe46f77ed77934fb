"""Where the arrays of a model's several networks are in its archive."""

from __future__ import annotations

from seqmap.runtime.ops import Arrays


def member_prefix(place: int) -> str:
    """Return what stands before the names of a network's arrays; nothing for the first one."""
    return f"others.{place - 1}." if place else ""


def member_arrays(arrays: Arrays, place: int) -> Arrays:
    """Return the arrays of one network by their own names."""
    prefix = member_prefix(place)
    return {name[len(prefix) :]: own for name, own in arrays.items() if name.startswith(prefix)}
