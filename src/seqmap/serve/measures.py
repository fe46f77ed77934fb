"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_INPUTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""Of the page that `Measures.page` returns."""


class Measures:
    """Counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self._requests = Counter(
            "seqmap_requests", "Requests answered.", ["route", "status"], registry=own
        )
        self._seconds = Histogram(
            "seqmap_request_seconds",
            "From request to answer.",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self._batches = Histogram(
            "seqmap_batch_inputs",
            "Inputs answered at once.",
            ["model"],
            buckets=_INPUTS,
            registry=own,
        )
        self._computing = Counter(
            "seqmap_model_seconds", "Seconds that a model computed.", ["model"], registry=own
        )
        self.reloads = Counter(
            "seqmap_reloads", "Files loaded again.", ["model", "result"], registry=own
        )
        self._queue = Gauge("seqmap_queue_inputs", "Inputs that wait.", ["model"], registry=own)
        self.streams = Gauge("seqmap_open_streams", "Streams that are open.", registry=own)
        self.under_way = Gauge("seqmap_requests_under_way", "Requests under way.", registry=own)
        # `labels` takes a lock and builds a key: what is counted for each request is kept.
        self._kept: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        kept = self._kept.get((route, status))
        if kept is None:
            kept = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._kept[route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def batches(self, model: str) -> Callable[[int, float], None]:
        """Return what counts the batches of a model."""
        sizes, computing = self._batches.labels(model), self._computing.labels(model)

        def observe(size: int, seconds: float) -> None:
            sizes.observe(size)
            computing.inc(seconds)

        return observe

    def queue(self, model: str, waiting: Callable[[], int]) -> None:
        """Show the length of a queue when it is asked for."""
        self._queue.labels(model).set_function(waiting)

    def total(self) -> int:
        """Return how many requests were answered."""
        found = self._requests.collect()
        return int(
            sum(s.value for part in found for s in part.samples if s.name.endswith("_total"))
        )

    def page(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self.registry)
