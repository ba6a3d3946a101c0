"""Databases and restore points of environments."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.damages.ground import Damage, again, damage, flip
from tests.life_support import Life


@damage
def the_database_of_an_environment_is_down(life: Life) -> Damage:
    life.keeper.stop("postgres/dev")
    yield "database dev", "the database of dev does not run"
    again(life)


@damage
def the_data_of_a_database_is_gone(life: Life) -> Damage:
    """No empty database takes its place by itself, whatever is started."""
    life.keeper.stop("postgres/dev")
    (data,) = (life.home.environments / "dev").glob("postgres-*/data")
    aside = data.with_name("aside")
    data.rename(aside)
    said = yield "database dev", "is gone"
    assert f"bring {data} back from a backup" in said["next"]
    again(life)
    assert not data.exists()
    aside.rename(data)
    again(life)


@damage
def a_restore_point_is_damaged(life: Life) -> Damage:
    older = _older_point(life)
    file = max((p for p in (older / "archive").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    flip(file)
    said = yield "database dev", f"restore point {older.name} of dev is damaged"
    assert f"remove the directory {older}" in said["next"]
    shutil.rmtree(older)


@damage
def a_restore_point_has_lost_its_dump(life: Life) -> Damage:
    older = _older_point(life)
    shutil.rmtree(older / "archive")
    yield "database dev", f"restore point {older.name} of dev has lost its dump"
    shutil.rmtree(older)


@damage
def the_newest_restore_point_is_missing(life: Life) -> Damage:
    """Nothing brings it back; the next promotion makes another."""
    for point in _points(life):
        shutil.rmtree(point)
    said = yield "database dev", "made before the release in place came, is gone"
    assert "the next promotion makes one" in said["next"]
    _newer(life)


def _newer(life: Life) -> None:
    """Another release comes into dev, after a restore point."""
    version = life.visit() or ""
    life.release(f"{float(version) + 1:.1f}")


def _older_point(life: Life) -> Path:
    """One that a newer one follows."""
    _newer(life)
    return min(_points(life), key=lambda p: p.stat().st_mtime)


def _points(life: Life) -> list[Path]:
    return [p for p in (life.home.environments / "dev" / "restore-points").iterdir() if not p.name.startswith(".")]
