"""What a server answers instead of a result."""

from __future__ import annotations

from seqmap.errors import SeqmapError


class Refusal(SeqmapError):
    """A request is not answered.

    Args:
        status: The HTTP status.
        code: A word for programs.
        message: A line for people.
        retry_after: Seconds after which it is worth to ask again.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {} if retry_after is None else {"retry-after": str(retry_after)}

    def body(self) -> dict[str, dict[str, str]]:
        """Return what is sent as JSON."""
        return {"error": {"code": self.code, "message": self.message}}


def queue_full() -> Refusal:
    """Too much is waiting already."""
    return Refusal(503, "queue_full", "the model has too much waiting", retry_after=1)


def stopping() -> Refusal:
    """The server is on its way out."""
    return Refusal(503, "stopping", "the server is stopping", retry_after=5)


def timed_out(seconds: float) -> Refusal:
    """There was no answer in time."""
    return Refusal(504, "timeout", f"no answer within {seconds:g} s", retry_after=1)


def slow_body() -> Refusal:
    """The request was not sent in time."""
    return Refusal(408, "slow_body", "the body did not come in time")


def broken() -> Refusal:
    """Something went wrong that nobody foresaw."""
    return Refusal(500, "internal", "the server failed; its log says why")
