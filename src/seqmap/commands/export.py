"""`seqmap export`: the same model in another form, checked before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen, in_bytes
from seqmap.commands.evaluate import read_labelled
from seqmap.data import ReadOptions
from seqmap.errors import ConfigError, ExportError, UserError
from seqmap.evaluate import evaluate
from seqmap.runtime.archive import check_output, from_bytes, save, to_bytes
from seqmap.runtime.quantize import KINDS, quantized
from seqmap.runtime.session import Session, load, restore

TARGETS = ("archive",)
"""What `--to` knows."""

# Metrics of which less is better; of all others more is.
_COSTS = ("loss", "perplexity", "wer", "cer", "mse", "mae")


@dataclass(frozen=True)
class ExportRequest:
    """What was asked for.

    Attributes:
        model: The archive to start from.
        to: One of `TARGETS`.
        quantize: How matrices are stored and computed: `int8`, `bf16` or `none`.
        dev: Labelled examples to measure on; may be left out for `none`.
        out: Where the export goes; None puts it beside the model.
        max_loss: How much of the task's main metric may be lost.
    """

    model: str
    to: str
    quantize: str
    dev: str | None
    out: Path | None
    max_loss: float


def run_export(request: ExportRequest, options: ReadOptions, screen: Screen) -> None:
    """Write a smaller model, unless it has become worse than is allowed.

    Raises:
        UserError: The model or the examples cannot be used, or an option is wrong.
        ExportError: It loses more than `max_loss`; nothing is written.
    """
    _check(request)
    source = Path(request.model)
    name = source.name.removesuffix(".seqmap")
    out = request.out or source.with_name(f"{name}.{request.quantize}.seqmap")
    check_output(out)
    session = load(source)
    before = source.stat().st_size
    made = quantized(session.archive, request.quantize)
    facts: dict[str, Any] = {}
    if request.dev is not None:
        # Through its bytes: what is measured is what will be read.
        facts = _compare(session, restore(from_bytes(to_bytes(made))), request, options, screen)
        made.manifest["quantization"] = facts
    if facts and facts["loss"] > request.max_loss:
        raise ExportError(
            f"{request.quantize} loses {facts['loss']:.4f} {facts['metric']}"
            f" ({facts['before']:.4f} → {facts['after']:.4f}), more than --max-loss"
            f" {request.max_loss:g}; nothing was written. Try --quantize bf16, or allow more"
        )
    save(made, out)
    after = out.stat().st_size
    screen.result(f"{out}: {in_bytes(after)} (was {in_bytes(before)}), {request.quantize}")
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
            "bytes": after,
            "bytes_before": before,
            **facts,
        }
    )


def _check(request: ExportRequest) -> None:
    if request.to not in TARGETS:
        raise ConfigError("cannot export to this", given=request.to, allowed=TARGETS)
    if request.quantize not in KINDS:
        raise ConfigError("cannot quantise so", given=request.quantize, allowed=KINDS)
    if not 0 <= request.max_loss <= 1:
        raise ConfigError("--max-loss is a share", given=request.max_loss, allowed="0 to 1")
    if request.quantize != "none" and request.dev is None:
        raise UserError(
            "what quantising costs has to be measured",
            remedy="Give labelled examples that were not trained on: --dev FILE",
        )


def _compare(
    before: Session, after: Session, request: ExportRequest, options: ReadOptions, screen: Screen
) -> dict[str, Any]:
    """Measure both on the examples."""
    examples = read_labelled(before, str(request.dev), options, screen).examples
    old, new = evaluate(before, examples).metrics, evaluate(after, examples).metrics
    metric = next((m for m in before.task.headline if m in old), next(iter(old)))
    sign = -1.0 if metric in _COSTS else 1.0
    return {
        "metric": metric,
        "before": old[metric],
        "after": new[metric],
        "loss": sign * (old[metric] - new[metric]),
        "examples": len(examples),
    }
