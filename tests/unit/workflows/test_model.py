"""The engine against a model, driven with random commands, crashes, pauses and clocks that jump."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

from tests.unit.workflows.model import Machine

EXAMPLES = int(os.environ.get("GREENROOM_MODEL_EXAMPLES", "0"))
"""More than the usual stories, other ones each time: for a campaign."""

TestModel = Machine.TestCase
TestModel.settings = settings(
    max_examples=EXAMPLES or 15,
    stateful_step_count=40,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate] if EXAMPLES else [Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
