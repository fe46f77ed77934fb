"""Micro-batching: what arrives while a model computes is answered together afterwards.

Nothing is ever waited for: an idle model starts at once, and batches grow only as far as the
model is behind. The queue is bounded; what finds no room in it is refused, so that waiting never
piles up.

What will take a moment only is computed in the event loop itself: to hand it to a thread and back,
while both want the interpreter, takes longer than a short text takes the model (measured: 3,900
requests a second through the thread, 5,400 without). How long it will take is told by how fast the
same session was before. Options of a request make a session of their own, which is new here: it has
no pace, and always goes to a thread. What one with other options took says nothing: to write a
thousand symbols takes hundreds of times as long as to score a text.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from seqmap.runtime.session import Session
from seqmap.serve.refusals import queue_full, stopping

_LOOKING_UP = 64
"""After so many inputs it is seen whether anybody still waits for the answers."""
_MOMENT = 0.01
"""Seconds that the event loop may be kept from its other work."""
_OVERHEAD = 20
"""Characters that take about as long as the beginning of a text does."""
_SLOWEST = 0.25
"""How soon the measured speed follows a slower one; a faster one it follows a quarter as fast."""

Observe = Callable[[int, float], None]
"""Is told the size of each batch and the seconds it took."""


@dataclass(frozen=True)
class Job:
    """Inputs of one request, for one model.

    Attributes:
        session: The model as it was when the request came.
        inputs: In the task's terms.
        future: Takes their answers as plain values, or an error.
    """

    session: Session
    inputs: Sequence[Any]
    future: asyncio.Future[list[dict[str, Any]]]


class Batcher:
    """The queue of one model.

    Args:
        pool: Where it computes.
        max_batch: Inputs answered at once; a job that alone has more is answered by itself.
        max_queue: Inputs that may wait.
        observe: Is told of each batch.
    """

    def __init__(self, pool: Executor, *, max_batch: int, max_queue: int, observe: Observe) -> None:
        self._pool = pool
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._observe = observe
        self._jobs: deque[Job] = deque()
        self._busy = False
        self._closed = False
        # Seconds a character; a session is forgotten once nobody has it any more.
        self._paces: WeakKeyDictionary[Session, float] = WeakKeyDictionary()
        self.waiting = 0
        """Inputs in the queue."""

    async def submit(self, session: Session, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the answers of a model, as plain values.

        Raises:
            Refusal: The queue is full, or closed.
            UserError: The task refuses an input.
        """
        if self._closed:
            raise stopping()
        if self.waiting + len(inputs) > self._max_queue:
            raise queue_full()
        loop = asyncio.get_running_loop()
        job = Job(session, inputs, loop.create_future())
        self._jobs.append(job)
        self.waiting += len(inputs)
        if not self._busy:
            # Not at once: what arrived in the same moment comes along.
            self._busy = True
            loop.call_soon(self._next, loop)
        return await job.future

    async def drain(self) -> None:
        """Refuse what comes from now on, and wait for what came before."""
        self._closed = True
        while self._busy:
            await asyncio.sleep(0.01)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the next batch, if there is one."""
        batch = self._take()
        if not batch:
            self._busy = False
            return
        # Unknown before the session's first batch.
        pace = self._paces.get(batch[0].session, float("inf"))
        if pace * _size(batch) <= _MOMENT:
            self._finish(batch, *_answer(batch))
            loop.call_soon(self._next, loop)  # after what has arrived meanwhile
            return
        work = loop.run_in_executor(self._pool, _answer, batch)
        work.add_done_callback(lambda done: self._come_back(batch, done, loop))

    def _take(self) -> list[Job]:
        """Take jobs of one session that together fit a batch; jobs given up are left out."""
        batch: list[Job] = []
        size = 0
        while self._jobs:
            job = self._jobs[0]
            alive = not job.future.done()
            full = size + len(job.inputs) > self._max_batch
            if alive and batch and (full or job.session is not batch[0].session):
                break
            self._jobs.popleft()
            self.waiting -= len(job.inputs)
            if alive:
                batch.append(job)
                size += len(job.inputs)
        return batch

    def _come_back(
        self,
        batch: list[Job],
        done: asyncio.Future[tuple[list[Any], float]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._next(loop)
        error = done.exception()
        self._finish(batch, *(([error] * len(batch), 0.0) if error else done.result()))

    def _finish(self, batch: list[Job], outcomes: list[Any], seconds: float) -> None:
        """Hand answers, or errors, to those who wait for them."""
        answered = False
        for job, outcome in zip(batch, outcomes, strict=True):
            if job.future.done():  # given up meanwhile
                continue
            if isinstance(outcome, BaseException):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)
                answered = True
        if seconds:
            self._observe(sum(len(job.inputs) for job in batch), seconds)
            size = _size(batch)
            # To refuse inputs, or to give up half-way, takes less than to answer them.
            if answered and size < float("inf"):
                self._learn(batch[0].session, seconds / size)

    def _learn(self, session: Session, pace: float) -> None:
        before = self._paces.get(session, pace)
        share = _SLOWEST if pace > before else _SLOWEST / 4
        self._paces[session] = before + share * (pace - before)


def _size(batch: list[Job]) -> float:
    """Return how much there is to read, in characters; infinite where it is not known."""
    sizes = (
        len(given) + _OVERHEAD if isinstance(given, str) else float("inf")
        for job in batch
        for given in job.inputs
    )
    return sum(sizes, 1.0)


def _answer(batch: list[Job]) -> tuple[list[Any], float]:
    """Answer a batch in a thread of the pool: for each job its answers, or its error."""
    started = time.perf_counter()
    session = batch[0].session
    try:
        joint = _records(session, [given for job in batch for given in job.inputs], batch)
    except Exception as error:
        if len(batch) == 1:
            return [error], time.perf_counter() - started
        # One input spoils it for all: each job by itself shows whose.
        return [_alone(job) for job in batch], time.perf_counter() - started
    outcomes: list[Any] = []
    begin = 0
    for job in batch:
        outcomes.append(joint[begin : begin + len(job.inputs)])
        begin += len(job.inputs)
    return outcomes, time.perf_counter() - started


def _alone(job: Job) -> list[dict[str, Any]] | Exception:
    try:
        return _records(job.session, job.inputs, [job])
    except Exception as error:
        return error


def _records(session: Session, inputs: Sequence[Any], batch: list[Job]) -> list[dict[str, Any]]:
    """Answer inputs; stops early once nobody waits for the answers."""
    found: list[dict[str, Any]] = []
    size = min(session.at_once, _LOOKING_UP)
    for begin in range(0, len(inputs), size):
        if begin and all(job.future.done() for job in batch):
            break
        answers = session.predict(inputs[begin : begin + size])
        found += [session.task.record(answer) for answer in answers]
    return found
