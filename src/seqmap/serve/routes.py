"""The addresses of the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from seqmap.errors import UserError
from seqmap.serve import schemas
from seqmap.serve.bodies import json_response, read_body, read_one
from seqmap.serve.measures import CONTENT_TYPE
from seqmap.serve.refusals import Refusal, stopping
from seqmap.serve.service import Service

Version = Query(default=None, ge=1, description="Which version; without it the newest.")


def takes(kind: type[Any]) -> dict[str, Any]:
    """Return what OpenAPI says of a body that the route reads by itself, within its limits."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of refusals."""
    return {status: {"model": schemas.Failure} for status in (401, 421, 429, *statuses)}


ASKING = failures(400, 404, 408, 413, 415, 422, 503, 504)


def api(service: Service) -> APIRouter:
    """Return the routes of a server."""
    router = APIRouter()
    _predictions(router, service)  # first, because routes are tried in order
    _health(router, service)
    _models(router, service)
    return router


class DirectRoute(APIRoute):
    """A route that OpenAPI knows and whose handler is called without FastAPI's machinery.

    That machinery takes longer than a short text takes the model. The handler has the parameters
    `name`, `request` and `version`, reads the body itself and returns a Response.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what is called with each request."""
        handler = self.endpoint

        async def direct(request: Request) -> Response:
            found: Response = await handler(
                name=request.path_params["name"],
                request=request,
                version=version_of(request.query_params.get("version")),
            )
            return found

        return direct


def version_of(given: str | None) -> int | None:
    """Return the version that is asked for.

    Raises:
        Refusal: This is no version.
    """
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal()) or not 0 < int(given[:9]):
        raise Refusal(422, "bad_request", "version is a number from 1")
    return int(given[:9])


def _health(router: APIRouter, service: Service) -> None:
    @router.get("/healthz", response_model=schemas.State, responses=failures(), tags=["state"])
    async def healthz() -> Response:
        """Whether the process lives."""
        return json_response({"status": "ok"})

    ready = {503: {"model": schemas.Failure}, **failures()}

    @router.get("/readyz", response_model=schemas.State, responses=ready, tags=["state"])
    async def readyz() -> Response:
        """Whether requests are answered."""
        if service.stopping:
            raise stopping()
        return json_response({"status": "ready"})

    page = {200: {"content": {"text/plain": {}}}, **failures()}

    @router.get("/metrics", response_class=Response, responses=page, tags=["state"])
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.measures.page(), media_type=CONTENT_TYPE)


def _models(router: APIRouter, service: Service) -> None:
    @router.get(
        "/v1/models", response_model=schemas.ModelList, responses=failures(), tags=["models"]
    )
    async def models() -> Response:
        """All models and versions."""
        return json_response({"models": [service.facts(slot) for slot in service.registry]})

    @router.get(
        "/v1/models/{name}",
        response_model=schemas.ModelFacts,
        responses=failures(404, 422),
        tags=["models"],
    )
    async def model(name: str, version: int | None = Version) -> Response:
        """One model."""
        return json_response(service.facts(service.registry.find(name, version)))

    @router.post(
        "/v1/models/{name}/reload",
        response_model=schemas.Reloaded,
        responses=failures(403, 404, 409, 422),
        tags=["models"],
    )
    async def reload(name: str, request: Request, version: int | None = Version) -> Response:
        """Load the model's file again, if it has changed."""
        slot = service.registry.find(name, version)
        if request.headers.get("origin"):
            raise Refusal(403, "from_a_page", "a page may not reload models")
        try:
            done = await service.registry.reload(slot)
        except UserError as error:
            raise Refusal(409, "not_loaded", f"the old model goes on: {error}") from None
        return json_response({"reloaded": done, "digest": slot.current.described["digest"]})


def _predictions(router: APIRouter, service: Service) -> None:
    settings = service.settings
    direct = APIRouter(route_class=DirectRoute)

    @direct.post(
        "/v1/models/{name}/predict",
        response_model=schemas.OneAnswer,
        responses=ASKING,
        openapi_extra=takes(schemas.One),
        tags=["predict"],
    )
    async def predict(name: str, request: Request, version: int | None = Version) -> Response:
        """Answer one input. Models of speech also take a file of sound as `audio/…`."""
        slot = service.registry.find(name, version)
        value, options = await read_one(request, settings)
        found, asked = await service.answer(slot, [value], options)
        return json_response({**asked, "result": found[0]})

    @direct.post(
        "/v1/models/{name}/batch",
        response_model=schemas.ManyAnswers,
        responses=ASKING,
        openapi_extra=takes(schemas.Many),
        tags=["predict"],
    )
    async def batch(name: str, request: Request, version: int | None = Version) -> Response:
        """Answer several inputs."""
        slot = service.registry.find(name, version)
        body = await read_body(request, schemas.Many, settings)
        if len(body.inputs) > settings.max_inputs:
            message = f"a request may have {settings.max_inputs} inputs"
            raise Refusal(422, "too_many_inputs", message)
        found, asked = await service.answer(slot, body.inputs, body.options)
        return json_response({**asked, "results": found})

    @direct.post(
        "/v1/models/{name}/explain",
        response_model=schemas.Explained,
        responses={**ASKING, 409: {"model": schemas.Failure}},
        openapi_extra=takes(schemas.One),
        tags=["predict"],
    )
    async def explain(name: str, request: Request, version: int | None = Version) -> Response:
        """Tell why the answer is what it is: attributions, gates, what-if."""
        slot = service.registry.find(name, version)
        body = await read_body(request, schemas.One, settings)
        found, asked = await service.explain(slot, body.input, body.options or {})
        return json_response({**asked, "explanation": found})

    router.include_router(direct)
