"""Sealed bytes."""

from __future__ import annotations

import json
from pathlib import Path

from greenroom.adapters.sealing.files import remove_tree
from tests.damages.ground import Damage, damage, flip
from tests.life_support import Life, wait_until


@damage
def a_byte_of_a_release_is_changed(life: Life) -> Damage:
    flip(_largest_blob(life))
    said = yield "release", "was changed after it was sealed"
    assert "seal the commit again" in said["next"] or "make the release again" in said["next"]
    _seal_again(life)


@damage
def a_blob_of_a_release_is_missing(life: Life) -> Damage:
    _largest_blob(life).unlink()
    yield "release", "is not in the artifact store"
    _seal_again(life)


@damage
def a_file_of_a_release_is_changed_where_it_runs(life: Life) -> Damage:
    """Down, the directory removed as it says, up: what was sealed lies there again, and is served."""
    digest = life.api("environments")[0]["release"]["digest"].removeprefix("sha256:")
    (root,) = (life.home.artifacts / "unpacked").glob(f"{digest}*")
    flip(root / "serve")
    said = yield "release", "was changed after it was sealed: serve was changed"
    assert f"remove {root}: the next start lays it out anew" in said["next"]
    for words in (("down",), ("up",)):
        told = life.run(*words)
        assert told.returncode == 0, told.stdout + told.stderr
        if words == ("down",):
            remove_tree(root)


def _largest_blob(life: Life) -> Path:
    """A layer of what runs in dev."""
    blobs = life.home.artifacts / "blobs" / "sha256"
    digest = life.api("environments")[0]["release"]["digest"]
    layers = json.loads((blobs / digest.removeprefix("sha256:")).read_text())["layers"]
    return blobs / max(layers, key=lambda x: x["size"])["digest"].removeprefix("sha256:")


def _seal_again(life: Life) -> None:
    """The same commit gives the same bytes, which take the place of the damaged ones."""
    commit = life.api("environments")[0]["release"]["commit"]
    told = life.run("release", commit)
    assert told.returncode == 0, told.stdout + told.stderr
    wait_until(lambda: not life.unfinished())
