"""Which keys a model knows at a place: for "did you mean", the reference and the JSON Schema."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def known_keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand in the mapping at `path` below `model`; empty where any may."""
    places: list[Any] = [model]
    for part in path:
        places = [inner for place in places for inner in _inside(place, part)]
    return [key for place in places if _is_model(place) for key in _fields(place)]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that stand anywhere in an annotation."""
    if _is_model(annotation):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from models_in(argument)


def every_model(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """`model` and all models below it, by class name, in the order they are met."""
    found = {model.__name__: model}
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            if inner.__name__ not in found:
                found |= {n: m for n, m in every_model(inner).items() if n not in found}
    return found


def defaults_of(model: type[BaseModel]) -> dict[str, Any]:
    """The default of each key that has one, as a person would write it in the file."""
    return model.model_construct().model_dump(mode="json", by_alias=True)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _inside(place: Any, part: str | int) -> Iterator[Any]:
    """The types that may stand under `part` of a value of type `place`, unions and annotations opened."""
    if _is_model(place):
        if part in (fields := _fields(place)):
            yield from _opened(fields[str(part)])
    elif get_origin(place) is dict:
        yield from _opened(get_args(place)[1])
    elif get_origin(place) in (list, tuple):
        yield from _opened(get_args(place)[0])


def _opened(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _opened(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _opened(argument)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
