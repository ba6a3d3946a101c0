"""kill -9 of the control plane at a hundred random moments; store: PostgreSQL. A file of its own: both run at once."""

from __future__ import annotations

import pytest

from tests.kills.scene import Scene
from tests.kills.test_random import SEED, endure


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_hundred_kills_at_random_on_postgres(on_postgres: Scene) -> None:
    """All work ends as it should, by itself; nobody is turned away; everything tells one story after every act."""
    assert endure(on_postgres, SEED) > 0, f"GREENROOM_KILLS_SEED={SEED}"
