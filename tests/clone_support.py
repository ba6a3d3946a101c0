"""A dataset to clone, and clones of it, on real PostgreSQL: what the suites and the bench share."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.connect import SUPERUSER
from greenroom.adapters.postgres.datasets.clones import SMALL, USER, PostgresClones
from greenroom.adapters.postgres.datasets.vault import HARMLESS
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.clone import Clone
from greenroom.domain.data import Dataset
from greenroom.domain.kinds import DataLabel
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from tests.postgres_ground import Ground

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def dataset(name: str, *, version: str = "18.4", **more: Any) -> Dataset:
    told: dict[str, Any] = {"label": DataLabel.MASKED, "made_at": AT, "as_of": AT, "bytes": 1000} | more
    return Dataset(
        name=name, source="production", backup="b1", rules="sha256:0", version=version, extensions=(), rows=1,
        masked_columns=1, **told,
    )  # fmt: skip


def wanted(name: str, of: str, owner: str = "ada", **more: Any) -> Clone:
    told: dict[str, Any] = {"made_at": AT, "expires_at": AT + timedelta(days=7)} | more
    return Clone(owner, name, of, DataLabel.MASKED, "18.4", 1000, **told)


def clones_of(
    ground: Ground, reached: Callable[[str], None] = lambda boundary: None, keeper: Any = None
) -> PostgresClones:
    """Another adapter over the same home, as another process would have it."""
    credentials = FileSecrets(ground.home, "database")
    clusters = Clusters(
        ground.home, keeper or ground.keeper, "shop", SystemClock(), credentials,
        ensure_user=ground.ensure_user, adopt=adopt, user=USER, settings=SMALL,
    )  # fmt: skip
    return PostgresClones(ground.home, clusters, credentials, reached)


def publish(ground: Ground, name: str, fill: Callable[[str], None], *, services: Services | None = None) -> Path:
    """A dataset as the vault would leave it: cleanly shut down, with the vault's password. `fill` is given the URL of
    the application's database. Its data directory."""
    services, databases = services or Services(18), ground.databases()
    fill(databases.ensure("seed", services).url.reveal())
    databases.stop("seed")
    credentials = FileSecrets(ground.home, "database")
    credentials.put(VAULT, SUPERUSER, credentials.values("seed")[SUPERUSER])
    folder = ground.home.datasets / name
    folder.mkdir(mode=0o711)
    source = next((ground.home.environments / "seed").glob("postgres-*/data"))
    subprocess.run(["cp", "-a", str(source), str(folder / "data")], check=True)
    made = dataset(name)
    told = asdict(made) | {"label": "masked", "made_at": made.made_at.isoformat(), "as_of": AT.isoformat()}
    (folder / HARMLESS).touch()
    (folder / "dataset.json").write_text(json.dumps(told))
    return folder / "data"
