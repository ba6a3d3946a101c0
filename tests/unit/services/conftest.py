from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services.standing import Standing


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Standing]:
    found = Standing(tmp_path / "story")
    yield found
    found.world.store.database.close()
