"""The server."""

from __future__ import annotations

from reporting.rows import Row


def serve(content: Row) -> list[str]:
    """The server under load."""
    lines = [
        "## Serving (`benchmarks/serve.py`)",
        "",
        f"The default classifier, one document of {content['characters']} characters a request,"
        f" {content['cores']} cores shared with the load generator.",
        "Bars: ≥ 3,000 requests/s; p99 ≤ 20 ms at 1,000/s; flat memory over ten minutes.",
        "",
        "| load | requests/s | p50 ms | p99 ms | server µs / request |"
        " MiB, first → (a tenth) → last |",
        "|---|---|---|---|---|---|",
    ]
    titles = {
        "throughput_1": "1 connection, as fast as it can",
        "throughput_16": "16 connections",
        "throughput_64": "64 connections",
        "latency": "1,000/s at fixed moments",
        "memory": "500/s at fixed moments, long",
    }
    for name, title in titles.items():
        if name in content:
            row = content[name]
            own = row["memory_mib"]
            places = [own["first"], own.get("after_a_tenth"), own["last"]]
            memory = " → ".join(str(place) for place in places if place is not None)
            # On a machine that does other work only the memory says something.
            p50, p99 = ("–", "–") if row.get("shared") else (row["p50_ms"], row["p99_ms"])
            lines.append(
                f"| {title} | {row['requests_per_second']:,.0f} | {p50} | {p99}"
                f" | {row['server_cpu_us_per_request']} | {memory} |"
            )
    return lines
