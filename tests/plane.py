"""A control plane that answers on loopback: real HTTP, real engine, memory twins behind it."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from greenroom.adapters.clock import SystemClock
from greenroom.api.app import create_app
from greenroom.domain.roles import Role
from greenroom.services.app import App
from greenroom.services.decisions import decide_work
from greenroom.workflows.engine import Engine
from greenroom.workflows.procedure import procedure
from greenroom.workflows.world import World
from tests.worlds import FULL, memory_world, token

PRODUCTION = """dev: {}
  production:
    bake: {for: 120s}
    gates:
      approvals: {count: 1, roles: [manager]}
      checks: {none_needed: the story begins in staging}"""
TEXT = FULL.replace("dev: {follow: main}", PRODUCTION).replace("journey: true}", "journey: true, in: [qa]}")


@dataclass
class Plane:
    """A control plane; `home` holds its token."""

    world: World
    app: App
    home: Path
    url: str
    old: str = ""
    new: str = ""

    def as_role(self, *roles: Role, name: str | None = None) -> dict[str, str]:
        return {"GREENROOM_URL": self.url, "GREENROOM_TOKEN": token(self.app, *roles, name=name)}


@contextmanager
def running_plane(root: Path) -> Iterator[Plane]:
    """It answers within; afterwards nothing of it is left."""
    world = memory_world(root, TEXT, clock=SystemClock())
    engine = Engine(world, procedure(), lambda tx, work: decide_work(tx, world, work), owner="test", threads=2)
    app = App(world, engine.poke)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(app, hook_key=b"k" * 32), log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    made = Plane(world, app, root, f"http://127.0.0.1:{listener.getsockname()[1]}")
    (root / "private").mkdir()
    owner = token(app, Role.DEVELOPER, Role.ENGINEER, Role.OPERATOR, Role.TESTER, Role.ADMINISTRATOR, name="owner")
    with os.fdopen(os.open(root / "private" / "api.json", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"url": made.url, "token": owner}, file)
    engine.start()
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield made
    server.should_exit = True
    thread.join(10)
    engine.stop()
    listener.close()
    world.store.database.close()
