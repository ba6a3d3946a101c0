"""What the unit suites share: how many random cases each property sees.

No time limit for each, for the machine may be busy. `HYPOTHESIS_EXAMPLES=5000` digs deeper than every commit needs.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("greenroom", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")))
settings.load_profile("greenroom")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's own, under a short name: sockets lie in it, whose paths the system allows about 100 characters."""
    return tmp_path_factory.mktemp("t")
