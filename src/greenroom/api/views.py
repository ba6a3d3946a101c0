"""Services' values in the form that answers carry."""

from __future__ import annotations

from typing import Any

from greenroom.domain.work import Work
from greenroom.services.app import App
from greenroom.services.promotions import Answer
from greenroom.services.status import work_view


def work_answer(app: App, work: Work) -> dict[str, Any]:
    with app.world.store.database.reading() as tx:
        return work_view(app, tx, work, app.world.clock.now())


def decided(app: App, answer: Answer) -> dict[str, Any]:
    """What became of a request: the work, if any, the checklist, and the plan."""
    return {
        "work": work_answer(app, answer.work) if answer.work else None,
        **answer.decision.as_dict(),
        "shown": answer.shown,
        "plan": list(answer.plan),
        "way": list(answer.way),
    }
