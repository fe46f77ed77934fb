"""The short way to one answer: single predictions without the framework around them.

Routing, request objects and middleware take longer than a short text takes the model. A request
that is as it should be is answered here; anything else, an error above all, goes on to the
application, so that there is one place that says what is wrong. Checks, limits and answers are the
same on both ways.
"""

from __future__ import annotations

from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from seqmap.serve import schemas
from seqmap.serve.bodies import to_json
from seqmap.serve.refusals import Refusal
from seqmap.serve.registry import Slot
from seqmap.serve.service import Service

ROUTE = "/v1/models/{name}/predict"
"""What is answered here, as the figures name it."""
_BEGIN, _END = ROUTE.split("{name}")


class Asked:
    """A request whose body was read: the application may read it once more.

    Args:
        first: The message that was received.
        receive: Gives those that follow.
    """

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive = receive

    async def __call__(self) -> Message:
        """Return the next message."""
        if self._first is None:
            return await self._receive()
        first, self._first = self._first, None
        return first


class Quick:
    """Answers single predictions.

    Args:
        service: Whose models and limits are used.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._validate = schemas.One.__pydantic_validator__.validate_json

    def slot_of(self, scope: Scope, headers: dict[bytes, bytes]) -> Slot | None:
        """Return the model that is asked, or None where the application has to look."""
        path: str = scope["path"]
        if not path.endswith(_END) or not path.startswith(_BEGIN) or scope["method"] != "POST":
            return None
        if headers.get(b"content-type") != b"application/json" or scope["query_string"]:
            return None
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or int(length[:12]) > self._service.settings.max_bytes:
            return None
        try:
            return self._service.registry.find(path[len(_BEGIN) : -len(_END)])
        except Refusal:
            return None

    async def answer(self, slot: Slot, message: Message) -> bytes | None:
        """Answer the body of a request.

        Args:
            slot: The model.
            message: What was received.

        Returns:
            The answer's body, or None where the application has to look.

        Raises:
            Refusal: As for `Service.answer`.
        """
        if message["type"] != "http.request" or message.get("more_body"):
            return None
        try:
            body = self._validate(message["body"])
        except ValidationError:
            return None
        found, asked = await self._service.answer(slot, [body.input], body.options)
        return to_json({**asked, "result": found[0]})


async def reply(send: Send, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send an answer in JSON."""
    own = [
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/json"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": own})
    await send({"type": "http.response.body", "body": body})
