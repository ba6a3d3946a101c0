"""A control plane that starts: what visitors reach comes first, and nothing that is left over is in its way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from greenroom import serving


def test_a_sweep_that_breaks_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the recovery of what runs, nor the other sweeps, nor the work after them."""
    done: list[str] = []

    def breaks() -> None:
        done.append("databases")
        raise OSError("a directory that cannot be read")

    def part(name: str) -> Any:
        return SimpleNamespace(start=lambda: done.append(name), sweep=lambda *_: done.append(name))

    world = SimpleNamespace(databases=SimpleNamespace(sweep=breaks), clones=part("clones"))
    hands = object.__new__(serving.Hands)
    hands._control = SimpleNamespace(world=world, app=None, engine=part("engine"))  # type: ignore[assignment]
    hands._follower, hands._custodian, hands._guard = part("follower"), part("custodian"), part("guard")
    hands._stop, hands._began = serving.threading.Event(), False
    monkeypatch.setattr(serving, "recover", lambda app: done.append("recover"))
    monkeypatch.setattr(serving.Hands, "_sweep", lambda self: done.append("rest"))
    hands._begin()
    assert done == ["recover", "databases", "clones", "rest", "engine", "follower", "custodian", "guard"]
