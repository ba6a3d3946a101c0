"""A piece of work in a terminal: its plan with ticks and seconds, live or afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.terminal.screen import Marks
from greenroom.terminal.words import duration, local, one_line, since

STATE_STYLE = {
    "done": "green",
    "active": "cyan",
    "queued": "cyan",
    "waiting": "yellow",
    "rolled_back": "red",
    "rejected": "red",
    "attention": "bold red",
}


ABOUT_DATA = {
    "backup": "backup of",
    "restore": "restore of",
    "drill": "restore drill of",
    "verify": "verification of the backups of",
    "dataset": "masked dataset of",
    "refresh": "refresh of",
}


def title(work: Mapping[str, Any]) -> str:
    """`promotion of 7.0.1 into production`."""
    if work["kind"] in ABOUT_DATA:
        return f"{ABOUT_DATA[work['kind']]} {work['environment'] or ''}"
    version = one_line(work["version"] or "a commit")
    where = {"promotion": " into ", "rollback": " in ", "check": " in "}.get(work["kind"], "")
    what = {"rollback": "rollback to", "check": "checks of"}.get(work["kind"], f"{work['kind']} of")
    return f"{what} {version}{where}{work['environment'] or ''}"


def plan(work: Mapping[str, Any], seconds: Mapping[str, float], said: str, signs: Marks) -> RenderableType:
    """The steps from top to bottom; beside the one under way, what it says."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=2)
    grid.add_column(min_width=14)
    grid.add_column(justify="right", min_width=8)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    backward = work["direction"] == "backward"
    for index, step in enumerate(work["plan"]):
        here = work["state"] == "active" and step == work["step"]
        sign, style = _sign(work, index, here, backward, signs)
        took = duration(seconds[step]) if step in seconds else ""
        grid.add_row(
            Text(sign, style=style), Text(step, style=style), Text(took, style="dim"), Text(said if here else "", "dim")
        )
    state = "undoing" if backward and work["state"] == "active" else work["state"].replace("_", " ")
    head = Text.assemble((title(work), "bold"), "  ", (state, STATE_STYLE[work["state"]]))
    return Group(head, grid)


def _sign(work: Mapping[str, Any], index: int, here: bool, backward: bool, signs: Marks) -> tuple[str, str]:
    if here:
        return (
            (("<-", "yellow") if backward else (signs.moving[-1], "cyan"))
            if signs.yes == "+"
            else (("↩", "yellow") if backward else ("▸", "cyan"))
        )
    if work["state"] == "done" or index < work["done"]:
        return signs.yes, "green"
    return " ", "dim"


def in_full(work: Mapping[str, Any], signs: Marks) -> RenderableType:
    """Everything about one piece of work: who asked, its steps with their attempts, why it failed."""
    facts = Table.grid(padding=(0, 2))
    rows = [
        ("work", work["id"]),
        (
            "asked for",
            f"by {one_line(work['requested_by'])}, {since(work['requested_at'])} ({local(work['requested_at'])})",
        ),
        ("took", duration(work["seconds"]) if work["started_at"] else "not begun"),
    ]
    if work["not_before"]:
        rows.append(("scheduled", local(work["not_before"])))
    if work["cancel"]:
        rows.append(("cancelled", one_line(work["cancel"])))
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), Text(value))
    attempts = Table.grid(padding=(0, 2))
    for attempt in work["history"]:
        style = {"done": "green", "failed": "red", "errored": "red"}.get(attempt["outcome"], "dim")
        step = ("undo " if attempt["direction"] == "backward" else "") + attempt["step"]
        attempts.add_row(
            Text(attempt["outcome"], style=style),
            Text(step),
            Text(duration(attempt["seconds"]), style="dim"),
            Text(one_line(attempt["detail"])[:300], style="dim"),
        )
    seconds = {s["name"]: s["seconds"] for s in work["steps"]}
    parts: list[RenderableType] = [plan(work, seconds, "", signs), Text(), facts]
    return Group(*parts, Text(), attempts) if work["history"] else Group(*parts)


def listing(works: list[dict[str, Any]]) -> RenderableType:
    if not works:
        return Text("Nothing was asked for yet.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("state", "work", "what", "asked", "took"):
        table.add_column(column)
    for w in works:
        table.add_row(
            Text(w["state"].replace("_", " "), style=STATE_STYLE[w["state"]]),
            Text(w["id"]),
            Text(title(w)),
            Text(f"{since(w['requested_at'])} by {one_line(w['requested_by'])}"),
            Text(duration(w["seconds"]) if w["started_at"] else "", style="dim"),
        )
    return table
