"""What is computed in the event loop, and what never is."""

from __future__ import annotations

import asyncio
import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from seqmap.errors import UserError
from seqmap.serve.batcher import Batcher


class Echo:
    """Stands for a model's session; notes where it computes."""

    at_once = 64

    def __init__(self) -> None:
        self.task = self
        self.threads: list[int] = []

    def predict(self, inputs: list[str]) -> list[str]:
        self.threads.append(threading.get_ident())
        return inputs

    def record(self, answer: str) -> dict[str, Any]:
        return {"text": answer}


def wished(session: Echo) -> Echo:
    """Return what `with_wishes` gives: another session of the same model."""
    other = copy.copy(session)
    other.threads = []
    return other


async def _asked(batcher: Batcher, session: Any) -> list[int]:
    assert await batcher.submit(session, ["a"]) == [{"text": "a"}]
    threads: list[int] = session.threads
    return threads


def test_only_what_is_known_to_be_quick_is_computed_in_the_event_loop() -> None:
    async def run(pool: ThreadPoolExecutor) -> None:
        batcher = Batcher(pool, max_batch=8, max_queue=8, observe=lambda size, seconds: None)
        here, plain = threading.get_ident(), Echo()
        # Cheap options teach nothing about the session without them.
        for _ in range(20):
            assert here not in await _asked(batcher, wished(plain))
        assert here not in await _asked(batcher, plain)
        for _ in range(100):
            threads = await _asked(batcher, plain)
        assert threads[-1] == here  # the short way
        # Options may cost a thousand times as much as the text alone.
        assert here not in await _asked(batcher, wished(plain))
        # So may a model that takes the place of this one.
        assert here not in await _asked(batcher, Echo())
        assert (await _asked(batcher, plain))[-1] == here

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))


def test_what_has_no_size_and_what_is_refused_tell_no_pace() -> None:
    class Picky(Echo):
        def predict(self, inputs: list[Any]) -> list[Any]:
            super().predict(inputs)
            if inputs == ["bad"]:
                raise UserError("no")
            return inputs

    async def run(pool: ThreadPoolExecutor) -> None:
        batcher = Batcher(pool, max_batch=8, max_queue=8, observe=lambda size, seconds: None)
        session: Any = Picky()
        for _ in range(5):
            await batcher.submit(session, [["a", "b"]])
            with pytest.raises(UserError):
                await batcher.submit(session, ["bad"])
        await batcher.submit(session, ["a text"])
        assert threading.get_ident() not in session.threads

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))
