"""Answers while the input arrives: server-sent events, and WebSockets.

A stream of events answers one text that is there already, piece by piece, as if it were typed. A
WebSocket carries what really arrives piece by piece: text frames are JSON (`{"feed": "…"}`, then
`{"close": true}`), binary frames are given to the model as they are (sound).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from seqmap.errors import SeqmapError, UserError
from seqmap.runtime.session import Session
from seqmap.serve import schemas
from seqmap.serve.bodies import read_body, to_json
from seqmap.serve.refusals import Refusal, stopping, timed_out
from seqmap.serve.registry import Slot
from seqmap.serve.routes import ASKING, Version, takes
from seqmap.serve.service import Service, asked

_PIECE = re.compile(r"\s*[^\s\u2e80-\uffef]+|\s*[\u2e80-\uffef]|\s+")
"""A word with the blanks before it, or one character of a script without blanks."""

_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["partial", "final", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""What OpenAPI says of an event."""


class Live:
    """An open stream of a model, used from the event loop.

    Args:
        service: Whose threads compute.
        session: The model.

    Raises:
        UserError: The model does not stream.
    """

    def __init__(self, service: Service, session: Session) -> None:
        self._service = service
        self._session = session
        self._stream = session.stream()

    async def feed(self, piece: Any) -> dict[str, Any]:
        """Give the model more, and return its answer so far."""
        return await self._compute(lambda: self._stream.feed(piece))

    async def close(self) -> dict[str, Any]:
        """Say that the input is complete, and return the final answer."""
        return await self._compute(self._stream.close)

    async def _compute(self, step: Any) -> dict[str, Any]:
        def run() -> dict[str, Any]:
            step()
            return self._session.task.record(self._stream.result())

        return await asyncio.get_running_loop().run_in_executor(self._service.pool, run)


@contextmanager
def counted(service: Service) -> Iterator[None]:
    """Hold one of the places for streams.

    Raises:
        Refusal: All are taken, or the server is stopping.
    """
    if service.stopping:
        raise stopping()
    if service.open_streams >= service.settings.max_streams:
        raise Refusal(503, "too_many_streams", "too many streams are open", retry_after=5)
    service.open_streams += 1
    service.measures.streams.inc()
    try:
        yield
    finally:
        service.open_streams -= 1
        service.measures.streams.dec()


def stream_api(service: Service) -> APIRouter:
    """Return the routes of streams."""
    router = APIRouter()
    events: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/event-stream": {"schema": _EVENT}}}
    }

    @router.post(
        "/v1/models/{name}/stream",
        response_class=StreamingResponse,
        responses={**events, **ASKING, 409: {"model": schemas.Failure}},
        openapi_extra=takes(schemas.One),
        tags=["stream"],
    )
    async def stream(name: str, request: Request, version: int | None = Version) -> Response:
        """Answer a text piece by piece, as server-sent events."""
        slot = service.registry.find(name, version)
        body = await read_body(request, schemas.One, service.settings)
        if not isinstance(body.input, str):
            raise Refusal(422, "bad_input", "a stream of events takes a text")
        live = _opened(service, slot)
        place = counted(service)
        place.__enter__()  # the response leaves it
        return StreamingResponse(
            _events(service, slot, live, body.input, place), media_type="text/event-stream"
        )

    @router.websocket("/v1/models/{name}/live")
    async def live(socket: WebSocket, name: str, version: int | None = None) -> None:
        """Answer what arrives piece by piece."""
        shown = [n for n in socket.scope["subprotocols"] if n.startswith("seqmap.token.")]
        await socket.accept(subprotocol=shown[0] if shown else None)
        try:
            slot = service.registry.find(name, version)
            stream = _opened(service, slot)
            with counted(service):
                await _converse(service, slot, stream, socket)
        except WebSocketDisconnect:
            return
        except SeqmapError as error:
            refusal = error if isinstance(error, Refusal) else Refusal(422, "bad_input", str(error))
            await socket.send_text(to_json(refusal.body()).decode())
            await socket.close(1008, refusal.code)

    return router


def _opened(service: Service, slot: Slot) -> Live:
    try:
        return Live(service, slot.current.session)
    except UserError as error:
        raise Refusal(409, "no_stream", str(error)) from None


async def _events(
    service: Service, slot: Slot, live: Live, text: str, place: Any
) -> AsyncIterator[bytes]:
    """Yield one event a piece, and the final answer; an error is an event, too."""
    who = asked(slot, slot.current.described)
    end = asyncio.get_running_loop().time() + service.settings.timeout
    try:
        read = 0
        for piece in _PIECE.findall(text):
            read += len(piece)
            found = await live.feed(piece)
            yield _event("partial", {"read": read, "result": found})
            if service.stopping:
                raise stopping()
            if asyncio.get_running_loop().time() > end:
                raise timed_out(service.settings.timeout)
        yield _event("final", {**who, "result": await live.close()})
    except Refusal as refusal:
        yield _event("error", refusal.body())
    finally:
        place.__exit__(None, None, None)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), to_json(data))


async def _converse(service: Service, slot: Slot, live: Live, socket: WebSocket) -> None:
    who = asked(slot, slot.current.described)
    while True:
        try:
            async with asyncio.timeout(service.settings.stream_idle):
                message = await socket.receive()
        except TimeoutError:
            raise Refusal(408, "idle", "the stream said nothing for too long") from None
        if message["type"] == "websocket.disconnect":
            return
        piece = message.get("bytes")
        if piece is None:
            piece = _said(message.get("text") or "")
        if piece is None:
            break
        found = await live.feed(piece)
        await socket.send_text(to_json({"type": "partial", "result": found}).decode())
    final = {"type": "final", **who, "result": await live.close()}
    await socket.send_text(to_json(final).decode())
    await socket.close()


def _said(text: str) -> str | None:
    """Return what a text frame feeds, or None when it closes the input."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and isinstance(said.get("feed"), str):
        return str(said["feed"])
    if isinstance(said, dict) and said.get("close") is True:
        return None
    raise Refusal(422, "bad_frame", 'a text frame is {"feed": "…"} or {"close": true}')
