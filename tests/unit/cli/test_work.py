"""One piece of work in full: its steps with what became of them, and every word of what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from greenroom.terminal.screen import marks, rendered
from greenroom.terminal.work import in_full

PLAN = ["restore-point", "prepare", "migrate", "start", "check"]


def attempt(step: str, outcome: str = "done", direction: str = "forward", detail: str = "") -> dict[str, Any]:
    return {"step": step, "outcome": outcome, "direction": direction, "detail": detail, "seconds": 1.0}


def shown(history: list[dict[str, Any]], *, unicode: bool = True, width: int = 100, **more: Any) -> list[str]:
    now = datetime.now(UTC)
    work = {
        "id": "promotion-1", "kind": "promotion", "version": "2.0", "environment": "qa", "state": "rolled_back",
        "direction": "backward", "plan": PLAN, "step": None, "done": 0, "requested_by": "maria", "requested_at": now,
        "started_at": now, "seconds": 3.0, "not_before": None, "bakes_until": None, "cancel": None,
        "steps": [], "history": history, **more,
    }  # fmt: skip
    return rendered(in_full(work, marks(unicode)), width=width, color=False).splitlines()


UNDONE = [
    attempt("restore-point"),
    attempt("prepare"),
    attempt("migrate", "failed", detail="refused: no\n" + "\n".join(f"output {n} " + "x" * 400 for n in range(9))),
    attempt("migrate", direction="backward"),
    attempt("prepare", direction="backward"),
    attempt("restore-point", direction="backward"),
]


def test_each_step_shows_what_became_of_it() -> None:
    """Undone, failed, never begun: in signs that any terminal has."""
    assert [line[:2].strip() for line in shown(UNDONE)[1:6]] == ["↩", "↩", "✗", "", ""]
    assert [line[:2].strip() for line in shown(UNDONE, unicode=False)[1:6]] == ["<-", "<-", "x", "", ""]


def test_what_went_well_is_ticked() -> None:
    """When all of it did, and as far as it did."""
    done = shown([attempt(s) for s in PLAN], state="done", direction="forward", done=5)
    assert [line[0] for line in done[1:6]] == ["✓"] * 5
    begun = shown([attempt(s) for s in PLAN[:2]], state="active", direction="forward", done=2, step="migrate")
    assert [line[0] for line in begun[1:6]] == ["✓", "✓", "▸", " ", " "]


def test_a_step_that_failed_once_and_then_did_not_is_ticked() -> None:
    """The last attempt counts."""
    history = [attempt("restore-point", "errored"), attempt("restore-point")]
    assert shown(history, state="active", direction="forward", done=1, step="prepare")[1][0] == "✓"


def test_a_failed_step_s_words_are_whole() -> None:
    """Every line of them, however many and long, and on a narrow terminal too."""
    for width in (60, 100, 160):
        told = "".join(line.strip() for line in shown(UNDONE, width=width))
        assert all(f"output {n}" in told for n in range(9))
        assert told.count("x") >= 9 * 400


def test_a_bake_says_until_when() -> None:
    """While it bakes."""
    end = datetime.now(UTC).isoformat()
    said = shown([], state="active", direction="forward", step="check", bakes_until=end)
    assert any(line.startswith("bakes") and "it ends by itself now" in line for line in said)
