"""What the words around a token say about its tag: a linear model over lexical features.

Every token brings the features of its own form and of the pairs that it begins. Each feature has a
weight for every tag and for every distance: it speaks about the token two before, one before, the
token itself, and the two behind,

    emission[t, k] = Σ_(d = -2 … 2) Σ_(f brought by token t + d) W[f, d + 2, k]

so that a window of five tokens costs one sum per token. This is the feature set of the usual
feature-window CRF, arranged by where features come from.
"""

from __future__ import annotations

REACH = 2
"""Tokens to either side that a feature speaks about."""
WIDTH = 2 * REACH + 1
