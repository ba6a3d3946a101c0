"""An API over a memory world, with a client that is somebody."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.api.app import create_app
from greenroom.domain.roles import Role
from greenroom.services.app import App
from greenroom.workflows.world import World
from tests.worlds import FULL, memory_app, memory_world, placed, sealed, token

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is being moved to another package; what it does stays
    from fastapi.testclient import TestClient

HOOK_KEY = b"k" * 32
ENVIRONMENTS = ("dev", "qa", "packaging", "uat", "staging", "production")


@dataclass
class Api:
    """`old` is in every environment but dev, `new` in dev. `works` names the work that put it there."""

    world: World
    app: App
    client: TestClient
    old: str = ""
    new: str = ""
    works: dict[str, str] = field(default_factory=dict)
    tokens: dict[tuple[Role, ...], str] = field(default_factory=dict)

    def ask(self, method: str, path: str, *roles: Role, prefix: str = "/api/v1", **more: Any) -> Any:
        """A request by somebody with these roles; by nobody when there are none."""
        headers = dict(more.pop("headers", {}))
        if roles:
            if roles not in self.tokens:
                self.tokens[roles] = token(self.app, *roles)
            headers.setdefault("Authorization", f"Bearer {self.tokens[roles]}")
        return self.client.request(method, prefix + path, headers=headers, **more)


def made_api(tmp_path: Path, text: str = FULL) -> Api:
    world = memory_world(tmp_path, text)
    app = memory_app(world)
    api = create_app(app, hook_key=HOOK_KEY)
    made = Api(world, app, TestClient(api, base_url="http://127.0.0.1", raise_server_exceptions=False))
    made.old, made.new = sealed(world, "1.0"), sealed(world, "2.0")
    for name in ENVIRONMENTS[1:]:
        made.works[name] = placed(world, made.old, name, ago=7200)
    made.works["dev"] = placed(world, made.new, "dev", ago=60)
    return made
