"""The application: routes, page, and errors in one form."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

import seqmap
from seqmap.serve import schemas
from seqmap.serve.bodies import json_response
from seqmap.serve.gate import Gate
from seqmap.serve.refusals import Refusal
from seqmap.serve.routes import api
from seqmap.serve.service import Service
from seqmap.serve.streams import stream_api

WEB = Path(__file__).parent / "web"
_log = logging.getLogger("seqmap.serve")


def create_app(service: Service) -> FastAPI:
    """Return the ASGI application of a service, which it starts and stops."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="seqmap",
        version=seqmap.__version__,
        lifespan=life,
        docs_url=None,  # these pages load scripts of other servers
        redoc_url=None,
    )
    app.include_router(api(service))
    app.include_router(stream_api(service))
    app.mount("/web", StaticFiles(directory=WEB), name="web")

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(WEB / "index.html")

    _tell_errors(app)
    app.add_middleware(Gate, service=service)
    app.openapi = _described(app, service)  # type: ignore[method-assign]
    return app


def _tell_errors(app: FastAPI) -> None:
    """Send every error in the form of `schemas.Failure`."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return json_response(error.body(), error.status, error.headers)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        refusal = Refusal(error.status_code, "http", str(error.detail))
        headers = dict(error.headers or {})
        return json_response(refusal.body(), error.status_code, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        refusal = Refusal(422, "bad_request", f"{where}: {first['msg']}")
        return json_response(refusal.body(), 422)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        refusal = Refusal(500, "internal", "the server failed; its log says why")
        return json_response(refusal.body(), 500)


def _described(app: FastAPI, service: Service) -> Callable[[], dict[str, Any]]:
    """Return what tells the API: with what the loaded models take as inputs."""

    def openapi() -> dict[str, Any]:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        parts = found["components"]["schemas"]
        for kind in (schemas.One, schemas.Many):
            parts[kind.__name__] = kind.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
        accepted = []
        for slot in service.registry:
            taken = slot.current.session.task.input_schema()
            if taken not in accepted:
                accepted.append(taken)
        value = accepted[0] if len(accepted) == 1 else {"anyOf": accepted}
        parts["One"]["properties"]["input"] = value
        parts["Many"]["properties"]["inputs"]["items"] = value
        parts["Many"]["properties"]["inputs"]["maxItems"] = service.settings.max_inputs
        if service.settings.token is not None:
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"token": []}]
        return found

    return openapi
