"""Answers while the input arrives: server-sent events, and WebSockets.

A stream of events answers an input that is there already, piece by piece, as if it arrived, and
shows what a language model writes as it is written. A WebSocket carries what really arrives piece
by piece: text frames are JSON (`{"start": {…}}` with options first if any, `{"feed": …}`, then
`{"close": true}`), binary frames are given to the model as they are (sound).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import APIRouter, Request, WebSocket
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from seqmap.errors import SeqmapError, UserError
from seqmap.runtime.live.base import Live, Record
from seqmap.serve import schemas
from seqmap.serve.bodies import read_one, to_json
from seqmap.serve.refusals import Refusal, stopping, timed_out
from seqmap.serve.registry import Slot
from seqmap.serve.routes import ASKING, Version, takes
from seqmap.serve.service import Service, asked

Found = TypeVar("Found")

_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["partial", "final", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""What OpenAPI says of an event."""


class Stream:
    """An open stream of a model, used from the event loop; the threads of the pool compute.

    Args:
        service: Whose threads compute.
        live: The model's side of it.
    """

    def __init__(self, service: Service, live: Live) -> None:
        self._service = service
        self._live = live

    async def pieces(self, value: Any) -> AsyncIterator[Any]:
        """Yield the pieces of an input that is there already."""
        async for piece in self._each(lambda: iter(self._live.pieces(value))):
            yield piece

    async def feed(self, piece: Any) -> list[Record]:
        """Give the model more; returns what is known now."""
        return await self._compute(lambda: list(self._live.feed(piece)))

    async def close(self) -> AsyncIterator[Record]:
        """Say that the input is complete; yields what becomes known."""
        async for found in self._each(self._live.close):
            yield found

    async def result(self) -> Record:
        """Return the final answer."""
        return await self._compute(self._live.result)

    async def _each(self, begin: Callable[[], Iterator[Found]]) -> AsyncIterator[Found]:
        coming = await self._compute(begin)
        end = object()
        while (found := await self._compute(lambda: next(coming, end))) is not end:
            yield found  # type: ignore[misc]

    async def _compute(self, step: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._service.pool, step)


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
        """Answer an input piece by piece, as server-sent events."""
        slot = service.registry.find(name, version)
        value, options = await read_one(request, service.settings)
        try:
            slot.current.session.input_from(value)
        except UserError as error:
            raise Refusal(422, "bad_input", str(error)) from None
        live = _opened(service, slot, options or {})
        place = counted(service)
        place.__enter__()  # the response leaves it
        return StreamingResponse(
            _events(service, slot, live, value, place), media_type="text/event-stream"
        )

    @router.websocket("/v1/models/{name}/live")
    async def live(socket: WebSocket, name: str, version: int | None = None) -> None:
        """Answer what arrives piece by piece."""
        shown = [n for n in socket.scope["subprotocols"] if n.startswith("seqmap.token.")]
        await socket.accept(subprotocol=shown[0] if shown else None)
        try:
            slot = service.registry.find(name, version)
            with counted(service):
                await _converse(service, slot, socket)
        except WebSocketDisconnect:
            return
        except SeqmapError as error:
            refusal = error if isinstance(error, Refusal) else Refusal(422, "bad_input", str(error))
            await socket.send_text(to_json(refusal.body()).decode())
            await socket.close(1008, refusal.code)

    return router


def _opened(service: Service, slot: Slot, options: Mapping[str, Any]) -> Stream:
    session = slot.current.session
    try:
        session.with_wishes(options)
    except UserError as error:
        raise Refusal(422, "bad_options", str(error)) from None
    try:
        return Stream(service, session.live(options))
    except UserError as error:
        raise Refusal(409, "no_stream", str(error)) from None


async def _events(
    service: Service, slot: Slot, live: Stream, value: Any, place: Any
) -> AsyncIterator[bytes]:
    """Yield what is known after each piece, and the final answer; an error is an event, too."""
    who = asked(slot, slot.current.described)
    end = asyncio.get_running_loop().time() + service.settings.timeout

    def check() -> None:
        if service.stopping:
            raise stopping()
        if asyncio.get_running_loop().time() > end:
            raise timed_out(service.settings.timeout)

    try:
        read = 0
        async for piece in live.pieces(value):
            read += len(piece)
            for found in await live.feed(piece):
                yield _event("partial", {"read": read, "result": found})
            check()
        async for found in live.close():
            yield _event("partial", {"read": read, "result": found})
            check()
        yield _event("final", {**who, "result": await live.result()})
    except Refusal as refusal:
        yield _event("error", refusal.body())
    except UserError as error:
        yield _event("error", Refusal(422, "bad_input", str(error)).body())
    finally:
        place.__exit__(None, None, None)


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), to_json(data))


async def _converse(service: Service, slot: Slot, socket: WebSocket) -> None:
    who = asked(slot, slot.current.described)
    live: Stream | None = None
    while True:
        try:
            async with asyncio.timeout(service.settings.stream_idle):
                message = await socket.receive()
        except TimeoutError:
            raise Refusal(408, "idle", "the stream said nothing for too long") from None
        if message["type"] == "websocket.disconnect":
            return
        said = _said(message)
        if live is None:
            live = _opened(service, slot, said.get("start", {}))
            if "start" in said:
                continue
        elif "start" in said:
            raise Refusal(422, "bad_frame", "only the first frame starts a stream")
        if said.get("close"):
            break
        for found in await live.feed(said["feed"]):
            await _tell(socket, {"type": "partial", "result": found})
    async for found in live.close():
        await _tell(socket, {"type": "partial", "result": found})
    await _tell(socket, {"type": "final", **who, "result": await live.result()})
    await socket.close()


async def _tell(socket: WebSocket, content: dict[str, Any]) -> None:
    await socket.send_text(to_json(content).decode())


def _said(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a frame says: `start`, `feed` or `close`.

    Raises:
        Refusal: It is none of these.
    """
    if message.get("bytes") is not None:
        return {"feed": message["bytes"]}
    try:
        said = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and len(said) == 1:
        if "feed" in said or said.get("close") is True:
            return said
        if isinstance(said.get("start"), dict):
            return said
    raise Refusal(
        422, "bad_frame", 'a text frame is {"feed": …}, {"start": {…}} or {"close": true}'
    )
