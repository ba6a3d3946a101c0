"""Where the demo lives, and what it may remove there."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom.demo.ground import MARKER, Ground, choose
from greenroom.domain.errors import Errored


def test_an_ordinary_user_stays_in_the_checkout(tmp_path: Path) -> None:
    """Nobody else has to get there."""
    tmp_path.chmod(0o700)
    assert choose(tmp_path, is_root=False).root == tmp_path / ".demo"


def test_root_leaves_a_checkout_that_other_users_cannot_reach(tmp_path: Path) -> None:
    """Environments run as other users: behind a closed door the demo moves out, always to the same place."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    first, second = (choose(closed, is_root=True, elsewhere=tmp_path / "else").root for _ in range(2))
    assert first == second and first.parent == tmp_path / "else"
    assert choose(Path("/"), is_root=True).root == Path("/.demo")


def test_a_new_demo_keeps_downloads_and_removes_the_rest(tmp_path: Path) -> None:
    """Read-only releases, links to elsewhere and files go; what a link points to, and the cache, stay."""
    ground = Ground(tmp_path / "demo")
    ground.claim()
    (ground.cache / "wheel").write_text("x")
    (tmp_path / "precious").mkdir()
    (ground.root / "link").symlink_to(tmp_path / "precious")
    (ground.home / "sealed").mkdir(parents=True)
    (ground.home / "sealed" / "file").write_text("x")
    (ground.home / "sealed").chmod(0o500)
    ground.clear()
    assert sorted(p.name for p in ground.root.iterdir()) == sorted(["cache", MARKER])
    assert (ground.cache / "wheel").exists() and (tmp_path / "precious").exists()


def test_a_directory_of_somebody_else_is_neither_taken_nor_cleared(tmp_path: Path) -> None:
    """Without the mark of a demo, what lies there is not ours."""
    (tmp_path / "thesis.txt").write_text("x")
    ground = Ground(tmp_path)
    with pytest.raises(Errored) as error:
        ground.claim()
    ground.clear()
    assert error.value.code == "demo.not_ours" and (tmp_path / "thesis.txt").exists()
