"""Write benchmarks/RESULTS.md, and the table in the READMEs, from benchmarks/results/.

Every figure comes from a file that a script of this folder wrote; this one only sets them beside
the bars that the project set itself, and says what was missed.
"""

from __future__ import annotations

import json
from pathlib import Path

from reporting.classification import accuracy_table, in_chinese
from reporting.kernels import (
    infer_kernel,
    quantized,
    startup,
    train_kernel,
    train_profile,
    train_speed,
)
from reporting.language import language_section
from reporting.numbers import forecast_table, signal_table
from reporting.overview import overview_in_chinese, overview_table
from reporting.rows import HERE, RESULTS
from reporting.scaling import comparing, scaling
from reporting.serving import serve
from reporting.speaking import speaking_section
from reporting.speech import speech_section
from reporting.tagging import learning_curves, tag_speed, tagging_table
from reporting.translation import translate_speed, translation_table


def speed_sections() -> list[str]:
    """Return one section for each benchmark that left a `.json` file with `rows`."""
    lines: list[str] = []
    for path in sorted(RESULTS.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        section = SECTIONS.get(path.stem)
        if section:
            lines += ["", *section(content)]
    return lines


SECTIONS = {
    "scaling": scaling,
    "serve": serve,
    "tag_speed": tag_speed,
    "translate_speed": translate_speed,
    "train_speed": train_speed,
    "train_kernel": train_kernel,
    "infer_kernel": infer_kernel,
    "startup": startup,
    "quantized": quantized,
    "train_profile": train_profile,
}


def main() -> None:
    """Write RESULTS.md and fill the READMEs' tables."""
    notes = HERE / "NOTES.md"
    table = accuracy_table()
    text = [
        "# Results",
        "",
        "Written by `benchmarks/run`; every row comes from a script in this folder. Accuracies",
        "are means ± standard deviation over seeds 42, 43, 44; hyper-parameters were chosen on dev",
        "data only (the defaults, or the file of the set's name in `configs/`). Speeds are medians",
        "over interleaved rounds.",
        "",
        "## Accuracy: text classification (`benchmarks/accuracy.py`)",
        "",
        *table,
        "",
        "## Forecasting (`benchmarks/forecasting.py`)",
        "",
        "ETTh1: `OT` alone, 12/4/4 months of 30 days, scaled by the training part; the others",
        "60/20/20 by time. `linear` is the model's own linear branch alone; updates from Python.",
        "",
        *forecast_table(),
        "",
        "## Signals (`benchmarks/signals.py`)",
        "",
        "Accuracy with the defaults, or `configs/SET.toml`; `indoor_movement` trains on groups",
        "1 and 2, tests on group 3: another place.",
        "",
        *signal_table(),
        "",
        "## F1 of exact spans: tagging (`benchmarks/tagging.py`)",
        "",
        *tagging_table(),
        "",
        *learning_curves(),
        "",
        "## Language models (`benchmarks/language.py`)",
        "",
        *language_section(),
        "",
        "## Comparing encoders, searching settings (`benchmarks/comparing.py`)",
        "",
        *comparing(),
        "",
        *speech_section(RESULTS / "speech.jsonl"),
        "",
        *speaking_section(RESULTS / "speaking.jsonl"),
        "",
        "## BLEU on multi30k (`benchmarks/translation.py`)",
        "",
        "Trained on train, chosen on val, measured on test_2016_flickr; sacrebleu, case kept,",
        "text as people write it (`lower-cased` is nearer to what is published). Configurations:",
        "`configs/multi30k-*.toml`, of the run's own name, else of the model's.",
        "",
        *translation_table(),
        *speed_sections(),
        "",
    ]
    if notes.exists():
        text += [notes.read_text(encoding="utf-8")]
    (HERE / "RESULTS.md").write_text("\n".join(text), encoding="utf-8")
    others = overview_table()
    _fill(HERE.parent / "README.md", "results", table)
    _fill(HERE.parent / "README.md", "tasks", others)
    _fill(HERE.parent / "README.zh.md", "results", [in_chinese(line) for line in table])
    _fill(HERE.parent / "README.zh.md", "tasks", [overview_in_chinese(line) for line in others])


def _fill(path: Path, name: str, table: list[str]) -> None:
    """Replace what stands between the marks of a table."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    before, mark, rest = text.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if mark and end:
        lines = "\n".join(table)
        path.write_text(f"{before}{mark}\n{lines}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
