"""A server's parts together: models, queues, limits, figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seqmap.errors import UserError
from seqmap.runtime.session import Session
from seqmap.serve.batcher import Batcher
from seqmap.serve.measures import Measures
from seqmap.serve.refusals import Refusal, queue_full, stopping, timed_out
from seqmap.serve.registry import Registry, Slot
from seqmap.serve.settings import ServeSettings

_THREADS = 4
"""Models that may compute at the same time; the native core has threads of its own."""
_EXPLANATIONS = 16
"""Explanations that may wait: each takes as long as hundreds of answers."""


class Service:
    """What the routes ask.

    Args:
        places: Name and path of each model.
        settings: The limits.
        note: Takes lines for who runs the server.

    Raises:
        ArchiveError: A model cannot be loaded.
    """

    def __init__(
        self,
        places: Sequence[tuple[str, Path]],
        settings: ServeSettings,
        *,
        note: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.note = note
        self.measures = Measures()
        self.pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="seqmap")
        self.slow = ThreadPoolExecutor(2, thread_name_prefix="seqmap-slow")
        self.stopping = False
        self.under_way = 0
        self.open_streams = 0
        self.explaining = 0
        self.measures.under_way.set_function(lambda: self.under_way)
        self.registry = Registry(
            places, pool=self.slow, batcher=self._batcher, told=self._told_of_reload
        )
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look for new files."""
        if self.settings.reload_seconds:
            self._watching = asyncio.create_task(
                self.registry.watch(self.settings.reload_seconds), name="seqmap-watch"
            )

    async def stop(self) -> None:
        """Answer what is under way, and end the threads."""
        self.stopping = True
        if self._watching is not None:
            self._watching.cancel()
        for slot in self.registry:
            await slot.batcher.drain()
        self.pool.shutdown(wait=True)
        self.slow.shutdown(wait=True)

    async def answer(
        self, slot: Slot, values: Sequence[Any], options: Mapping[str, Any] | None = None
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the answers to values of JSON, and which model gave them.

        Args:
            slot: The model.
            values: Inputs as plain values, or bytes of a file of sound.
            options: What the request wants; see `Session.wishes`.

        Raises:
            Refusal: The task refuses an input, the queue is full, or time is up.
        """
        current = slot.current
        session = current.session
        if options:
            session = _wished(session, options)
        try:
            inputs = [session.input_from(value) for value in values]
            async with asyncio.timeout(self.settings.timeout):
                found = await slot.batcher.submit(session, inputs)
        except UserError as error:
            raise Refusal(422, "bad_input", str(error)) from None
        except TimeoutError:
            raise timed_out(self.settings.timeout) from None
        return found, asked(slot, current.described)

    async def explain(
        self, slot: Slot, value: Any, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return an explanation as plain values, and which model gave it.

        Raises:
            Refusal: The model does not explain itself, too many wait for it, or time is up.
        """
        current = slot.current
        session = _wished(current.session, options)
        if not session.explains:
            raise Refusal(409, "no_explanation", f"{slot.name} does not explain itself")
        if self.stopping:
            raise stopping()
        if self.explaining >= _EXPLANATIONS:
            raise queue_full()
        loop = asyncio.get_running_loop()
        self.explaining += 1
        work = loop.run_in_executor(
            self.slow, lambda: session.explain(session.input_from(value)).record()
        )
        work.add_done_callback(self._explained)
        try:
            async with asyncio.timeout(self.settings.timeout):
                found = await asyncio.shield(work)
        except UserError as error:
            raise Refusal(422, "bad_input", str(error)) from None
        except TimeoutError:
            raise timed_out(self.settings.timeout) from None
        return found, asked(slot, current.described)

    def _explained(self, work: asyncio.Future[Any]) -> None:
        self.explaining -= 1
        work.exception()  # it has been told, unless time was up

    def facts(self, slot: Slot) -> dict[str, Any]:
        """Return what is told about a model."""
        return slot.describe()

    def _batcher(self, name: str, version: int) -> Batcher:
        label = f"{name}:{version}"
        batcher = Batcher(
            self.pool,
            max_batch=self.settings.max_batch,
            max_queue=self.settings.max_queue,
            observe=self.measures.batches(label),
        )
        self.measures.queue(label, lambda: batcher.waiting)
        return batcher

    def _told_of_reload(self, slot: Slot, worked: bool) -> None:
        result = "done" if worked else "failed"
        self.measures.reloads.labels(f"{slot.name}:{slot.version}", result).inc()
        self.note(
            f"{slot.name} {slot.version}: loaded again from {slot.path}"
            if worked
            else f"{slot.name} {slot.version}: the old model goes on: {slot.problem}"
        )


def _wished(session: Session, options: Mapping[str, Any]) -> Session:
    """Return a model as a request wants it.

    Raises:
        Refusal: An option is not known, or out of range.
    """
    try:
        return session.with_wishes(options)
    except UserError as error:
        raise Refusal(422, "bad_options", str(error)) from None


def asked(slot: Slot, described: dict[str, Any]) -> dict[str, Any]:
    """Return which model answered."""
    digest = described["digest"][:16]
    return {"model": slot.name, "version": slot.version, "digest": digest}
