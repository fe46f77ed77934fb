"""`seqmap export`: the same model in another form, checked before it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen, in_bytes
from seqmap.commands.evaluate import read_labelled
from seqmap.data import ReadOptions
from seqmap.errors import ConfigError, ExportError, UserError
from seqmap.evaluate import evaluate
from seqmap.lazy import imported
from seqmap.runtime.archive import Archive, from_bytes, save, to_bytes
from seqmap.runtime.quantize import KINDS, quantized
from seqmap.runtime.session import Session, load, restore

# Of all other metrics more is better, and 1 is the most.
_OF_A_HUNDRED = ("bleu", "chrf")
_ERROR_RATES = ("wer", "cer")
_OPEN_ENDED = ("loss", "perplexity", "mse", "mae", "mcd")
"""Less is better, and there is no most: what counts is how much more than before it is."""


@dataclass(frozen=True)
class ExportRequest:
    """What was asked for.

    Attributes:
        model: The archive to start from.
        to: One of `TARGETS`.
        quantize: How matrices are stored: `int8`, `none`, or for archives `bf16`.
        dev: Labelled examples to measure on; may be left out for `none`.
        out: Where the export goes; None puts it beside the model.
        max_loss: How much of the task's main metric may be lost, see `lost`.
    """

    model: str
    to: str
    quantize: str
    dev: str | None
    out: Path | None
    max_loss: float


@dataclass(frozen=True)
class Target:
    """A form that models are exported to.

    Attributes:
        write: Where the function is that writes a model and returns the facts to report.
        check: Where the function is that refuses a place that cannot be written.
        suffix: Of the default name, with `{}` for the way of quantising.
        kinds: Ways of quantising.
        precision: What it computes in; None means what the archive was exported for.
    """

    write: str
    check: str
    suffix: str
    kinds: tuple[str, ...]
    precision: str | None = None


Writer = Callable[[Archive, Path, Screen], dict[str, Any]]

_FOLDER = "seqmap.export.folder:check_folder"

TARGETS = {
    "archive": Target(
        "seqmap.commands.export:write_archive",
        "seqmap.runtime.archive:check_output",
        ".{}.seqmap",
        KINDS,
    ),
    "c": Target("seqmap.commands.export_c:write_c", _FOLDER, "-c", ("none", "int8"), "fp32"),
    "onnx": Target(
        "seqmap.commands.export_onnx:write_onnx", _FOLDER, "-onnx", ("none", "int8"), "fp32"
    ),
}
"""What `--to` knows."""


def run_export(request: ExportRequest, options: ReadOptions, screen: Screen) -> None:
    """Write a model in another form, unless it has become worse than is allowed.

    Raises:
        UserError: The model or the examples cannot be used, or an option is wrong.
        ExportError: It loses more than `max_loss`, or answers otherwise; nothing is written.
    """
    target = _checked(request)
    source = Path(request.model)
    name = source.name.removesuffix(".seqmap")
    out = request.out or source.with_name(name + target.suffix.format(request.quantize))
    imported(target.check)(out)
    session = load(source)
    before = source.stat().st_size
    made = quantized(session.archive, request.quantize)
    facts: dict[str, Any] = {}
    if request.dev is not None:
        # Through its bytes: what is measured is what will be read.
        measured = restore(from_bytes(to_bytes(made)), precision=target.precision)
        facts = _compare(session, measured, request, options, screen)
        _refuse_loss(facts, request, target)
        made.manifest["quantization"] = facts
    write: Writer = imported(target.write)
    written = write(made, out, screen)
    screen.result(
        f"{out}: {in_bytes(written['bytes'])} (was {in_bytes(before)}), {request.quantize}"
    )
    if facts:
        screen.result(
            f"{facts['metric']} {facts['before']:.4f} → {facts['after']:.4f}"
            f" on {facts['examples']} examples"
        )
    screen.close(
        {
            "task": session.task.name,
            "out": str(out),
            "to": request.to,
            "quantize": request.quantize,
            "bytes_before": before,
            **written,
            **facts,
        }
    )


def write_archive(made: Archive, out: Path, screen: Screen) -> dict[str, Any]:
    """Write an archive."""
    save(made, out)
    return {"bytes": out.stat().st_size}


def _refuse_loss(facts: Mapping[str, Any], request: ExportRequest, target: Target) -> None:
    """Refuse an export that is worse than is allowed, or of which nobody can say.

    Raises:
        ExportError: It is.
    """
    change = f"{facts['metric']} ({facts['before']:.4f} → {facts['after']:.4f})"
    if not all(math.isfinite(facts[name]) for name in ("before", "after", "loss")):
        raise ExportError(
            f"what {request.quantize} costs cannot be told from the {change}; nothing was written."
            f" Give other examples, or try --quantize {_milder(target)}"
        )
    if facts["loss"] > request.max_loss:
        raise ExportError(
            f"{request.quantize} loses {facts['loss']:.4f} of {change}, more than --max-loss"
            f" {request.max_loss:g}; nothing was written."
            f" Try --quantize {_milder(target)}, or allow more"
        )


def _milder(target: Target) -> str:
    return "bf16" if "bf16" in target.kinds else "none"


def _checked(request: ExportRequest) -> Target:
    target = TARGETS.get(request.to)
    if target is None:
        raise ConfigError("cannot export to this", given=request.to, allowed=TARGETS)
    if request.quantize not in target.kinds:
        raise ConfigError("cannot quantise so", given=request.quantize, allowed=target.kinds)
    if not 0 <= request.max_loss <= 1:
        raise ConfigError("--max-loss is a share", given=request.max_loss, allowed="0 to 1")
    if request.quantize != "none" and request.dev is None:
        raise UserError(
            "what quantising costs has to be measured",
            remedy="Give labelled examples that were not trained on: --dev FILE,"
            " or take --quantize none",
        )
    return target


def _compare(
    before: Session, after: Session, request: ExportRequest, options: ReadOptions, screen: Screen
) -> dict[str, Any]:
    """Measure both on the examples."""
    examples = read_labelled(before, str(request.dev), options, screen).examples
    old, new = evaluate(before, examples).metrics, evaluate(after, examples).metrics
    metric = next((m for m in before.task.headline if m in old), next(iter(old)))
    return {
        "metric": metric,
        "before": old[metric],
        "after": new[metric],
        "loss": lost(metric, old[metric], new[metric]),
        "examples": len(examples),
    }


def lost(metric: str, before: float, after: float) -> float:
    """Return how much worse a figure became, as a share: 0.002 are 0.2 points, or 0.2 %.

    Of accuracies, F1, BLEU (of a hundred) and error rates the difference; of figures without an
    upper end, such as perplexity, the difference as a share of what it was.
    """
    if metric in _OF_A_HUNDRED:
        return (before - after) / 100
    if metric in _ERROR_RATES:
        return after - before
    if metric in _OPEN_ENDED:
        return (after - before) / max(before, 1e-12)
    return before - after
