"""The limits of a server: nothing in it may grow without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServeSettings:
    """Where a server listens, and its limits.

    Attributes:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        token: What clients must show as `Authorization: Bearer …`; None lets everybody in.
        max_batch: Inputs that a model answers at once, at most.
        max_queue: Inputs that may wait for a model; more are refused with 503.
        per_client: Requests of one address that may be under way; more are refused with 429.
        max_inputs: Inputs of one request.
        max_bytes: Bytes of a request's body, or of a WebSocket message.
        timeout: Seconds after which a request is given up with 504.
        max_streams: Streams that may be open, over all clients.
        stream_idle: Seconds that an open stream may say nothing.
        max_connections: Connections that may be open.
        reload_seconds: How often the files are looked at for a new model; 0 never looks.
        grace: Seconds that requests under way are given when the server stops.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    max_batch: int = 64
    max_queue: int = 1024
    per_client: int = 512
    max_inputs: int = 256
    max_bytes: int = 1 << 20
    timeout: float = 10.0
    max_streams: int = 64
    stream_idle: float = 60.0
    max_connections: int = 2048
    reload_seconds: float = 2.0
    grace: float = 10.0

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The names of this machine to itself."""
