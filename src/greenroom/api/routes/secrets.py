"""Secrets of environments. Values go in and never come out."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from greenroom.api.access import Who
from greenroom.api.asked import SecretValue
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import SecretInPlace, SecretKept
from greenroom.api.state import Services
from greenroom.domain.secret import Secret
from greenroom.services import secrets

router = authenticated_router("secrets")


@router.get("/secrets/{env}", response_model=list[SecretInPlace], summary="Which are set, and which are declared")
def list_secrets(services: Services, who: Who, env: str) -> list[dict[str, Any]]:
    return secrets.listed(services, who, env)


@router.put("/secrets/{env}/{name}", response_model=SecretKept, summary="Set one; what is started from now on gets it")
def set_secret(services: Services, who: Who, env: str, name: str, asked: SecretValue) -> dict[str, Any]:
    return secrets.put(services, who, env, name, Secret(asked.value.get_secret_value()))


@router.delete("/secrets/{env}/{name}", status_code=204, summary="Take one away")
def remove_secret(services: Services, who: Who, env: str, name: str) -> Response:
    secrets.remove(services, who, env, name)
    return Response(status_code=204)
