"""The native core: training, deployment, start-up, quantisation, profile."""

from __future__ import annotations

import statistics

from reporting.rows import Row


def train_speed(content: Row) -> list[str]:
    """Seqmap's whole step against the usual pipelines."""
    lines = [
        "## Training speed of the whole step (`benchmarks/train_speed.py`)",
        "",
        f"2×LSTM-128, IMDB lengths, batch 32, 2 threads, {content['rounds']} interleaved rounds.",
        "Bars: ≥ 3× Keras (native core: ≥ 5×), ≥ 2× random-batch `nn.LSTM` (native core: ≥ 3.5×).",
        "",
        "| pipeline | examples/s, median (slowest–fastest round) | seqmap is faster by |",
        "|---|---|---|",
    ]
    for name, row in content["variants"].items():
        span = f"{row['slowest']:.0f}–{row['fastest']:.0f}"
        speed = f"{row['examples_per_second']:.0f} ({span})"
        lines.append(f"| {name} | {speed} | {row['seqmap_is_faster_by']:.2f}× |")
    return lines


def train_kernel(content: Row) -> list[str]:
    """The LSTM kernels in training, by shape."""
    lines = [
        "## LSTM kernels in training (`benchmarks/train_kernel.py`)",
        "",
        f"{content['isa']}, torch {content['torch']}, {content['threads']} threads; medians of"
        " interleaved ratios.",
    ]
    for name, rows in content.items():
        if not isinstance(rows, dict):
            continue
        bases = list(next(iter(rows.values()))["ratios"])
        lines += ["", f"**{name}**", "", "| variant | examples/s | " + " | ".join(bases) + " |"]
        lines.append("|---" * (len(bases) + 2) + "|")
        for variant, row in rows.items():
            ratios = " | ".join(f"{row['ratios'][base]:.2f}×" for base in bases)
            lines.append(f"| {variant} | {row['examples_per_second']:.0f} | {ratios} |")
    return lines


def infer_kernel(content: Row) -> list[str]:
    """The deployed LSTM against other runtimes."""
    lines = [
        "## LSTM kernels in deployment (`benchmarks/infer_kernel.py`)",
        "",
        f"{content['isa']} with {', '.join(content['features'])}; one layer over an embedding of"
        " 128, distinct documents with Zipf words; medians of interleaved ratios.",
        "",
        "| work | against | µs | times faster | bar | met |",
        "|---|---|---|---|---|---|",
    ]
    for piece in content["results"]:
        for name, found in piece.items():
            if name in ("title", "us"):
                continue
            ours, _, peer = name.partition(" vs ")
            bar = found["bar"]
            met = "" if bar is None else ("yes" if found["ratio"] >= bar else "**no**")
            bar = "" if bar is None else f"≥ {bar:g}×"
            lines.append(
                f"| {piece['title']}: {ours} | {peer} | {piece['us'][ours]:.2f}"
                f" | {found['ratio']:.2f}× | {bar} | {met} |"
            )
    return lines


def startup(content: Row) -> list[str]:
    """Fresh processes until their first answer."""
    bars = content["bars"]
    lines = [
        "## Start-up (`benchmarks/startup.py`)",
        "",
        f"Import, load and first answer in a fresh process; {content['rounds']} interleaved rounds,"
        f" Python {content['python']}, NumPy {content['numpy']}.",
        f"{content['vocabulary']:,} words, embedding 128, bidirectional LSTM-128. Bars:"
        f" ≤ {bars['milliseconds']:.0f} ms, ≤ {bars['mebibytes']:.0f} MiB beyond the arrays.",
        "",
        "| process | ms, median (slowest) | peak MiB | beyond the arrays | met |",
        "|---|---|---|---|---|",
    ]
    for name, row in content["rows"].items():
        time = f"{row['milliseconds']:.0f} ({row['slowest']:.0f})"
        quick = row["milliseconds"] <= bars["milliseconds"]
        met = "yes" if quick and row["beyond_table"] <= bars["mebibytes"] else "**no**"
        memory = f"{row['mebibytes']:.1f} | {row['beyond_table']:.1f}"
        lines.append(f"| {name} | {time} | {memory} | {met if 'seqmap' in name else ''} |")
    return lines


def quantized(content: Row) -> list[str]:
    """Accuracy in int8 and bf16."""
    lines = [
        "## Accuracy in int8 and bf16 (`benchmarks/quantized.py`)",
        "",
        "Exported as `seqmap export` does it, measured on the official test part. Bar: int8"
        f" loses ≤ {content['bar'] * 100:g} points (mean over the seeds).",
        "",
        "| set | seeds | precision | MB | accuracy | lost, points | LSTM alone | lost | met |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["set"] for row in content["rows"]):
        rows = [row for row in content["rows"] if row["set"] == name]
        for precision in ("fp32", "bf16", "int8"):
            mean = {
                key: statistics.fmean(row[precision].get(key, 0.0) for row in rows)
                for key in ("bytes", "accuracy", "loss", "lstm_alone", "lstm_alone_loss")
            }
            lost = [f"{100 * mean[key]:.2f}" for key in ("loss", "lstm_alone_loss")]
            met = "yes" if mean["loss"] <= content["bar"] else "**no**"
            cells = [
                name,
                str(len(rows)),
                precision,
                f"{mean['bytes'] / 1e6:.2f}",
                f"{mean['accuracy']:.4f}",
                "" if precision == "fp32" else lost[0],
                f"{mean['lstm_alone']:.4f}",
                "" if precision == "fp32" else lost[1],
                met if precision == "int8" else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def train_profile(content: Row) -> list[str]:
    """Where a whole training spends its time."""
    bar = content["bar"]
    lines = [
        "## Profile of `seqmap train` on IMDB (`benchmarks/train_profile.py`)",
        "",
        f"configs/imdb.toml, {content['threads']} threads, {content['isa']}, torch"
        f" {content['torch']}: {content['epoch_seconds']:.0f} s an epoch,"
        f" {content['run_seconds']:.0f} s for {content['epochs']} epochs and all else. The kernel"
        f" takes {content['kernel_share_of_epoch']:.0%} of an epoch. Bar: nothing beside it more"
        f" than {bar:.0%}.",
        "",
        "| part | seconds | of an epoch | of the run | met |",
        "|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        if row["share_of_run"] < 0.002 and row.get("share_of_epoch", 0) < 0.005:
            continue
        if "each_epoch" in row:
            met = "" if "kernel" in row["part"] else "yes"
            met = "**no**" if met and row["share_of_epoch"] > bar else met
            cells = [f"{row['each_epoch']:.1f} an epoch", f"{row['share_of_epoch']:.1%}"]
        else:
            met, cells = "", [f"{row['once']:.1f} once", ""]
        cells = [row["part"], *cells, f"{row['share_of_run']:.1%}", met]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
