"""Requests and answers as OpenAPI tells them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_OPTIONS = "How it is to be answered; `options` of the model lists what there is."


class One(BaseModel):
    """One input."""

    model_config = ConfigDict(extra="forbid")
    input: JsonValue = Field(description="What the model's task takes, for instance a text.")
    options: dict[str, JsonValue] | None = Field(default=None, description=_OPTIONS)


class Many(BaseModel):
    """Several inputs."""

    model_config = ConfigDict(extra="forbid")
    inputs: list[JsonValue] = Field(description="They are answered in this order.")
    options: dict[str, JsonValue] | None = Field(default=None, description=_OPTIONS)


class Asked(BaseModel):
    """Which model answered."""

    model: str
    version: int
    digest: str = Field(description="Beginning of the digest of its archive.")


class OneAnswer(Asked):
    """The answer to one input."""

    result: dict[str, Any]


class ManyAnswers(Asked):
    """The answers to several inputs."""

    results: list[dict[str, Any]]


class Explained(Asked):
    """Why the answer is what it is."""

    explanation: dict[str, Any]


class Problem(BaseModel):
    """Why there is no answer."""

    code: str
    message: str


class Failure(BaseModel):
    """What is sent instead of an answer."""

    error: Problem


class ModelFacts(BaseModel):
    """What is told about a model."""

    name: str
    version: int
    task: str
    mapping: str
    takes: dict[str, Any] = Field(description="JSON schema of an input.")
    options: dict[str, Any] = Field(description="JSON schemas of the options of a request.")
    hears: int | None = Field(description="Of models of speech: samples a second.")
    digest: str
    size_bytes: int
    created: str | None
    streams: bool
    explains: bool
    metrics: dict[str, float | None]
    card: dict[str, Any]
    loaded: float = Field(description="Seconds since 1970.")
    problem: str | None = Field(description="Why a newer file could not be loaded.")


class ModelList(BaseModel):
    """All models."""

    models: list[ModelFacts]


class Reloaded(BaseModel):
    """What a reload did."""

    reloaded: bool
    digest: str


class State(BaseModel):
    """Whether the server can answer."""

    status: str
