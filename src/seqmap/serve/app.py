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
from starlette.types import ASGIApp

import seqmap
from seqmap.runtime.session import Session
from seqmap.serve import schemas
from seqmap.serve.bodies import json_response
from seqmap.serve.gate import Gate
from seqmap.serve.refusals import Refusal, broken
from seqmap.serve.routes import api
from seqmap.serve.service import Service
from seqmap.serve.streams import stream_api

WEB = Path(__file__).parent / "web"
_log = logging.getLogger("seqmap.serve")


def create_app(service: Service) -> ASGIApp:
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
    app.openapi = _described(app, service)  # type: ignore[method-assign]
    return Gate(app, service)  # outside of the framework's own layers


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
    async def internal(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return json_response(broken().body(), 500)


def _any_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a schema of whatever one of the models takes."""
    distinct = [part for place, part in enumerate(found) if part not in found[:place]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _options_of(session: Session) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "properties": {name: wish.schema() for name, wish in session.wishes.items()},
        "additionalProperties": False,
    }


def _described(app: FastAPI, service: Service) -> Callable[[], dict[str, Any]]:
    """Return what tells the API: with what the loaded models take as inputs."""

    def openapi() -> dict[str, Any]:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        parts = found["components"]["schemas"]
        for kind in (schemas.One, schemas.Many):
            parts[kind.__name__] = kind.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
        sessions = [slot.current.session for slot in service.registry]
        value = _any_of([session.input_schema() for session in sessions])
        options = _any_of([_options_of(session) for session in sessions])
        parts["One"]["properties"] = {"input": value, "options": options}
        parts["Many"]["properties"]["options"] = options
        parts["Many"]["properties"]["inputs"]["items"] = value
        for kind in (schemas.One, schemas.Many):
            parts[kind.__name__].pop("$defs", None)  # of what was replaced
        parts["Many"]["properties"]["inputs"]["maxItems"] = service.settings.max_inputs
        if service.settings.token is not None:
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"token": []}]
        return found

    return openapi
