"""Bodies of requests: read within limits, and checked."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from seqmap.runtime.plain import plain
from seqmap.serve import schemas
from seqmap.serve.refusals import Refusal, slow_body
from seqmap.serve.settings import ServeSettings

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: Request, kind: type[Body], settings: ServeSettings) -> Body:
    """Read the body of a request.

    Raises:
        Refusal: It is too large, comes too slowly, is no JSON, or not what is wanted.
    """
    # A foreign page can send a form here without asking, but not JSON.
    if media_type(request) != "application/json":
        raise Refusal(415, "no_json", "the body must be JSON: Content-Type: application/json")
    data = await read_bytes(request, settings)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise Refusal(422, "bad_request", _told(error)) from None


async def read_one(request: Request, settings: ServeSettings) -> tuple[Any, Any]:
    """Read one input and its options: JSON, or a file of sound as it is.

    Raises:
        Refusal: As for `read_body`.
    """
    media = media_type(request)
    if media == "application/octet-stream" or media.startswith("audio/"):
        return await read_bytes(request, settings), None
    body = await read_body(request, schemas.One, settings)
    return body.input, body.options


def media_type(request: Request) -> str:
    """Return the kind of a body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_bytes(request: Request, settings: ServeSettings) -> bytes:
    """Read a body within the limits.

    Raises:
        Refusal: It is too large, or comes too slowly.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > settings.max_bytes:
        raise too_large(settings)
    try:
        async with asyncio.timeout(settings.timeout):
            return await _read(request, settings)
    except TimeoutError:
        raise slow_body() from None
    except ClientDisconnect:
        raise Refusal(400, "gone", "the client went away") from None


async def _read(request: Request, settings: ServeSettings) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > settings.max_bytes:
            raise too_large(settings)
        parts.append(part)
    return b"".join(parts)


def too_large(settings: ServeSettings) -> Refusal:
    """More was sent than is taken."""
    return Refusal(413, "too_large", f"a body may have {settings.max_bytes} bytes")


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return an answer in strict JSON."""
    return Response(to_json(content), status, headers, media_type="application/json")


def to_json(content: Any) -> bytes:
    """Return strict JSON: infinities and NaN become null, half a surrogate its replacement."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(plain(content), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")
