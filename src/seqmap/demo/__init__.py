"""`seqmap demo`: the main job from data to a deployed model, on synthetic reviews.

Trains an LSTM, measures it beside the linear baseline, saves it, loads it in a process that never
imports torch, lets that process answer, and draws pictures. Needs no download.
"""

from seqmap.demo.run import CONFIG, run_demo

__all__ = ["CONFIG", "run_demo"]
