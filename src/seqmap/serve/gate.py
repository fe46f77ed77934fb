"""What every request passes first: who may come in, and how many at once."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqmap.serve.quick import ROUTE, Asked, Quick, reply
from seqmap.serve.refusals import Refusal, broken, slow_body
from seqmap.serve.registry import Slot
from seqmap.serve.service import Service
from seqmap.serve.settings import LOOPBACK

_log = logging.getLogger("seqmap.serve")
_OPEN = frozenset(("/", "/healthz", "/readyz"))
"""What is shown without a token; the page's own files, too."""

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        b"frame-ancestors 'none'; base-uri 'none'",
    ),
)


class Gate:
    """ASGI middleware: checks host, token and load, and counts.

    Args:
        app: What stands behind it.
        service: Whose limits and counters are used.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._quick = Quick(service)
        self._service = service
        self._settings = settings = service.settings
        self._measures = service.measures
        self._clients: Counter[str] = Counter()
        self._token = None if settings.token is None else settings.token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = (scope.get("client") or ("",))[0]
        headers = dict(scope["headers"])
        try:
            self._check(scope, headers, client)
        except Refusal as refusal:
            await _refuse(refusal, scope, receive, send)
            self._measures.request("refused", refusal.status, 0.0)
            return
        self._clients[client] += 1
        try:
            await self._counted(scope, headers, receive, send)
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def _counted(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        self._service.under_way += 1
        try:
            slot = self._quick.slot_of(scope, headers)
            if slot is None:
                await self._through(scope, receive, send, started)
            else:
                await self._quickly(slot, scope, receive, send, started)
        finally:
            self._service.under_way -= 1

    async def _quickly(
        self, slot: Slot, scope: Scope, receive: Receive, send: Send, started: float
    ) -> None:
        """Answer without the application, unless something has to be looked at."""
        status = 200
        try:
            async with asyncio.timeout(self._settings.timeout):
                message = await receive()
            body = await self._quick.answer(slot, message)
            if body is None:
                await self._through(scope, Asked(message, receive), send, started)
                return
            await reply(send, body, self._added())
        except Exception as error:
            refusal = _told(error)
            status = refusal.status
            await _refuse(refusal, scope, receive, send, self._added())
        self._measures.request(ROUTE, status, time.perf_counter() - started)

    def _added(self) -> list[tuple[bytes, bytes]]:
        """Return the headers of every answer."""
        return [*_SECURITY, (b"connection", b"close")] if self._service.stopping else [*_SECURITY]

    async def _through(self, scope: Scope, receive: Receive, send: Send, started: float) -> None:
        """Ask the application."""
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._added()]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._measures.request(route, status, time.perf_counter() - started)

    def _check(self, scope: Scope, headers: dict[bytes, bytes], client: str) -> None:
        if self._settings.local and _name_of(headers.get(b"host", b"")) not in LOOPBACK:
            # A foreign page may have its own name point here ("DNS rebinding").
            raise Refusal(421, "wrong_host", "this server is for 127.0.0.1 and localhost only")
        if scope["type"] == "websocket":
            _check_origin(headers)
        path = scope["path"]
        if path in _OPEN or path.startswith("/web/"):
            return
        if self._token is not None and not self._shown(scope, headers):
            raise Refusal(401, "no_token", "this server wants a token: Authorization: Bearer …")
        if self._clients[client] >= self._settings.per_client:
            raise Refusal(
                429, "too_many", "too many requests of this client are under way", retry_after=1
            )

    def _shown(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        """Whether the token was shown. Browsers show it to a WebSocket as a subprotocol."""
        assert self._token is not None
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() != b"bearer":
            token = b""
        if scope["type"] == "websocket":
            for name in scope.get("subprotocols", ()):
                if name.startswith("seqmap.token."):
                    token = name.removeprefix("seqmap.token.").encode()
        return hmac.compare_digest(token.strip(), self._token)


def _told(error: Exception) -> Refusal:
    """Return what is sent for an error of the short way."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, TimeoutError):
        return slow_body()
    _log.error("a prediction failed", exc_info=error)
    return broken()


def _check_origin(headers: dict[bytes, bytes]) -> None:
    """Refuse WebSockets that pages of other servers open: nothing else keeps them out."""
    origin = headers.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        raise Refusal(403, "wrong_origin", "a page of another server may not stream here")


def _name_of(host: bytes) -> str:
    """Return the host's name without its port."""
    name = host.decode("latin-1")
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].lower()


async def _refuse(
    refusal: Refusal,
    scope: Scope,
    receive: Receive,
    send: Send,
    added: Sequence[tuple[bytes, bytes]] = _SECURITY,
) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json"), *added]
    headers += [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    body = json.dumps(refusal.body(), ensure_ascii=False).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    start: dict[str, Any] = {"type": "http.response.start", "status": refusal.status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})
