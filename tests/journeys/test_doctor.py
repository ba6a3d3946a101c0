"""`greenroom doctor` finds and names every damage that is made in a real home, and the way out it prints leads out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.damages import DAMAGES
from tests.life_support import Life, living, wait_until

WITH_DATA = """services: {postgres: 18}
config: {SECRET_KEY: {secret: true, generate: true}}"""


@pytest.fixture(scope="module")
def served() -> Iterator[Life]:
    """Greenroom is up; the second release with a database is served in dev, so that there are restore points."""
    with living(WITH_DATA) as life:
        life.commit("1.0")
        life.up()
        for version in ("1.0", "2.0"):
            life.release(version)
        yield life


def damage(life: Life) -> list[dict[str, Any]]:
    return [f for f in life.api("doctor") if f["outcome"] != "passed" and f["name"] != "disk"]


def test_a_healthy_home_has_no_damage(served: Life) -> None:
    """Nothing is found, and the command line ends well."""
    assert damage(served) == []
    told = served.run("doctor")
    assert told.returncode == 0 or "MB free" in told.stdout, told.stdout


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_it_is_found_named_and_the_way_out_leads_out(name: str, served: Life) -> None:
    """The finding names what was damaged; once its `next` was followed as it is written, nothing is found any more."""
    steps = DAMAGES[name](served)
    where, words = next(steps)
    found = damage(served)
    named = [f for f in found if f["name"].startswith(where) and words in f["said"]]
    assert named, found
    assert all(f["next"] for f in found), found
    with pytest.raises(StopIteration):
        steps.send(named[0])
    wait_until(lambda: damage(served) == [], 15)
    wait_until(lambda: served.visit() is not None, 30)
