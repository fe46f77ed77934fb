"""Three tasks with a known answer, to see how far back an encoder can look.

    recall   the first symbol of a sequence of noise is to be named at its end
             (a form of Hochreiter & Schmidhuber 1997, experiment 2)
    adding   two marked numbers of a sequence are to be added (ibid., experiment 4)
    copy     eight symbols are to be repeated after a blank stretch (Arjovsky et al. 2016)

Recurrent encoders read from left to right here: from right to left, recall would be no task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.compare.variants import varied
from seqmap.config import Config
from seqmap.nn.encoders import build_encoder
from seqmap.nn.encoders.base import Encoder
from seqmap.nn.pooling import Pooling

CLASSES = 8
COPIED = 8
SIZE = 32
"""Units of an encoder under test, and the size of what it reads."""
RATES = (3e-3, 1e-3)
_BATCH = 64
_TESTED = 512
_SEED = 7


@dataclass(frozen=True)
class Probe:
    """A probe.

    Attributes:
        inputs: Numbers of each step: one-hot symbols, or a number and its mark.
        outputs: Scores that are wanted.
        make: (sequences, distance) → inputs (batch, time, inputs) and targets.
        loss: Of outputs and targets.
        right: The share of sequences, or of symbols, that are answered rightly.
        last: How many steps at the end are answered; 1 may pool the whole sequence.
    """

    inputs: int
    outputs: int
    make: Callable[[int, int], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    right: Callable[[Tensor, Tensor], float]
    last: int = 1


@dataclass(frozen=True)
class Probed:
    """What an encoder did.

    Attributes:
        score: For each probe and distance, the share that was right.
        gradients: Norm of d answer / d input by distance from the end, before any training, as a
            share of the largest.
    """

    score: dict[str, dict[int, float]]
    gradients: tuple[float, ...]


def probe(name: str, distances: Sequence[int], steps: int, tell: Callable[[str], None]) -> Probed:
    """Train small encoders on the probes.

    Args:
        name: The encoder.
        distances: How many steps lie between what is seen and what is asked.
        steps: Batches of each training; two learning rates are tried, the better one counts.
        tell: Called with a line for each probe.
    """
    score: dict[str, dict[int, float]] = {}
    for which, task in PROBES.items():
        score[which] = {
            distance: max(_trained(name, task, distance, steps, rate) for rate in RATES)
            for distance in distances
        }
        shown = ", ".join(f"{d}: {s:.0%}" for d, s in score[which].items())
        tell(f"{name}: {which} {shown}")
    return Probed(score, gradient_norms(name, max(distances)))


def gradient_norms(name: str, distance: int) -> tuple[float, ...]:
    """Return how much the last state depends on an input so many steps before, untrained.

    The norm of the gradient, averaged over sequences, from distance 0 to before `distance`; divided
    by its largest value. (Bengio et al. 1994; Pascanu et al. 2013, eq. 5.)
    """
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        encoder = _encoder(name, SIZE).eval()
        x = torch.randn(16, distance, SIZE, requires_grad=True)
        states = encoder(x, torch.full((16,), distance))
        weights = torch.randn(states.shape[-1])
        (gradient,) = torch.autograd.grad((states[:, -1] @ weights).sum(), x)
    norms = gradient.norm(dim=-1).mean(dim=0).flip(0)
    return tuple((norms / norms.max()).tolist())


class _Network(nn.Module):
    """Inputs → encoder → scores of the last steps."""

    def __init__(self, name: str, task: Probe) -> None:
        super().__init__()
        self.project = nn.Linear(task.inputs, SIZE)
        self.encoder = _encoder(name, SIZE)
        pooled = name == "lstm-attention" and task.last == 1
        self.pooling = Pooling("attention", self.encoder.width, 1) if pooled else None
        self.output = nn.Linear(self.encoder.width, task.outputs)
        self.last = task.last

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, outputs), or (batch, last, outputs)."""
        lengths = torch.full((x.shape[0],), x.shape[1])
        states = self.encoder(self.project(x), lengths)
        if self.pooling is not None:
            found: Tensor = self.output(self.pooling(states, lengths))
            return found
        scores: Tensor = self.output(states[:, -self.last :])
        return scores[:, 0] if self.last == 1 else scores


def _encoder(name: str, size: int) -> Encoder:
    config = varied(Config(), name).encoder
    return build_encoder(
        size, replace(config, hidden=size, layers=1, direction="forward", dropout=0.0, heads=4)
    )


def _trained(name: str, task: Probe, distance: int, steps: int, rate: float) -> float:
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = _Network(name, task)
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / 50, 4 * (steps - step) / steps)
            x, target = task.make(_BATCH, distance)
            loss = task.loss(network(x), target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        network.eval()
        with torch.no_grad():
            x, target = task.make(_TESTED, distance)
            return task.right(network(x), target)


def _recall(count: int, distance: int) -> tuple[Tensor, Tensor]:
    symbols = torch.randint(0, CLASSES, (count, distance))
    noise = CLASSES + torch.randint(0, CLASSES, (count, distance))
    noise[:, 0] = symbols[:, 0]
    return F.one_hot(noise, 2 * CLASSES).float(), symbols[:, 0]


def _adding(count: int, distance: int) -> tuple[Tensor, Tensor]:
    values, marks = torch.rand(count, distance), torch.zeros(count, distance)
    half = distance // 2
    rows = torch.arange(count)
    first, second = torch.randint(0, half, (count,)), torch.randint(half, distance, (count,))
    marks[rows, first] = marks[rows, second] = 1.0
    return torch.stack([values, marks], dim=-1), (values * marks).sum(dim=1, keepdim=True)


def _copy(count: int, distance: int) -> tuple[Tensor, Tensor]:
    blank, cue = CLASSES, CLASSES + 1
    symbols = torch.randint(0, CLASSES, (count, COPIED))
    x = torch.full((count, COPIED + distance + COPIED), blank)
    x[:, :COPIED] = symbols
    x[:, COPIED + distance - 1] = cue
    return F.one_hot(x, CLASSES + 2).float(), symbols


def _named(scores: Tensor, target: Tensor) -> float:
    return float((scores.argmax(dim=-1) == target).float().mean())


def _near(scores: Tensor, target: Tensor) -> float:
    # Within 0.1 of a sum that lies between 0 and 2; guessing 1 is so in a fifth of the cases.
    return float(((scores - target).abs() < 0.1).float().mean())


def _symbols_loss(scores: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, -2), target.flatten())


PROBES: dict[str, Probe] = {
    "recall": Probe(2 * CLASSES, CLASSES, _recall, _symbols_loss, _named),
    "adding": Probe(2, 1, _adding, F.mse_loss, _near),
    "copy": Probe(CLASSES + 2, CLASSES, _copy, _symbols_loss, _named, last=COPIED),
}
"""The probes by name."""

CHANCE = {"recall": 1 / CLASSES, "adding": 0.19, "copy": 1 / CLASSES}
"""What guessing gets."""
