"""Run a server until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from seqmap.errors import OutputError
from seqmap.runtime import native
from seqmap.serve.app import create_app
from seqmap.serve.service import Service
from seqmap.serve.settings import ServeSettings

_SWITCH = 0.0005
"""Seconds after which a thread that computes must let the event loop in; Python's own are 0.005."""

_QUIET = 0.2
"""Seconds without any request under way, after which a server that was told to stop does."""

_KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than the usual proxies keep theirs."""


def serve(
    places: Sequence[tuple[str, Path]],
    settings: ServeSettings,
    *,
    note: Callable[[str], None],
) -> Service:
    """Serve models until SIGTERM or Ctrl-C, then answer what is under way and return.

    Args:
        places: Name and path of each model.
        settings: Where, and the limits.
        note: Takes lines for who runs the server.

    Raises:
        ArchiveError: A model cannot be loaded.
        OutputError: The port is taken, or the address is not of this machine.
    """
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    service = Service(places, settings, note=note)
    door = _bound(settings)
    host, port = door.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
        ws="websockets-sansio",
        ws_max_size=settings.max_bytes,
    )
    for slot in service.registry:
        note(f"{slot.name} {slot.version}: {slot.path}")
    if not settings.local and settings.token is None:
        note(f"warning: anybody who reaches {host} may ask; --token-file or SEQMAP_TOKEN limits it")
    _share_cores()
    gc.collect()
    gc.freeze()  # models live as long as the server: collections need not look at them
    server = _Server(config, service, f"serving on http://{shown}:{port}")
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[door]))
    return service


class _Server(uvicorn.Server):
    """Stops only when what was asked is answered.

    uvicorn alone would close connections whose request it has not read yet. Here the first signal
    turns the readiness off and lets every answer end its connection; the door closes when nothing
    has been under way for a moment, or the grace is over. A second signal closes it at once.
    """

    def __init__(self, config: uvicorn.Config, service: Service, greeting: str) -> None:
        super().__init__(config)
        self._service = service
        self._greeting = greeting
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Note the loop that signals are handed to, and tell when all is ready."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._service.note(self._greeting)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self._service.stopping or self._loop is None:
            self.should_exit = True
            return
        self._service.stopping = True
        self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        assert self._loop is not None
        self._draining = self._loop.create_task(self._wait(self._loop))

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        end = loop.time() + self._service.settings.grace
        quiet = loop.time()
        while loop.time() < min(end, quiet + _QUIET):
            if self._service.under_way:
                quiet = loop.time()
            await asyncio.sleep(_QUIET / 10)
        self.should_exit = True


def _share_cores() -> None:
    """Leave the event loop its core, and the interpreter in time."""
    sys.setswitchinterval(_SWITCH)
    if native.available() and "SEQMAP_THREADS" not in os.environ:
        native.set_threads(max(1, len(os.sched_getaffinity(0)) - 1))


def _bound(settings: ServeSettings) -> socket.socket:
    """Return a socket that listens; before the models are in use, so that errors come early."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    door = socket.socket(family)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        door.close()
        what = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"cannot listen on {settings.host} port {settings.port}: {what}",
            remedy="Choose another with --port; 0 takes a free one",
        ) from None
    door.listen(settings.max_connections)  # from here on callers wait instead of being turned away
    return door
