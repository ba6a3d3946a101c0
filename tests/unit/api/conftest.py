from __future__ import annotations

from pathlib import Path

import pytest

from tests.api_support import Api, made_api


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return made_api(tmp_path)
