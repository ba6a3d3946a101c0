"""A piece of work in a terminal: its plan with ticks and seconds, live or afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.terminal.screen import Marks
from greenroom.terminal.words import duration, local, one_line, plain, since, until

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
    "discovery": "search for personal columns of",
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


def under_way(work: Mapping[str, Any], seconds: float) -> str:
    """What it does or waits for, and until when; `seconds`: how long it has been at it."""
    place = one_line(work["environment"] or "")
    if work["bakes_until"]:
        return f"bake: {bake_end(work)}; greenroom finish {work['id']} ends it now"
    if work["state"] == "waiting":
        return f"waiting: its gates do not pass yet; greenroom why {one_line(work['version'] or 'RELEASE')} {place}"
    if work["state"] == "queued":
        return f"queued: it begins when what holds {place or 'the workers'} has ended; greenroom status shows it"
    undo = "undo " if work["direction"] == "backward" else ""
    return f"{undo}{work['step'] or work['state']}: still under way after {duration(seconds)}"


def bake_end(work: Mapping[str, Any]) -> str:
    """What is so during a bake, and until when."""
    return (
        "visitors reach the newer release, the older one stays up; "
        f"it ends by itself {until(work['bakes_until'])}, at {local(work['bakes_until'])}"
    )


def marked(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What became of each step, from its attempts in order: done, failed, errored, or undone."""
    marks: dict[str, str] = {}
    for attempt in outcomes:
        backward = attempt["direction"] == "backward"
        if not backward:
            marks[attempt["step"]] = attempt["outcome"]
        elif attempt["outcome"] == "done" and marks.get(attempt["step"]) == "done":
            marks[attempt["step"]] = "undone"
    return marks


def plan(
    work: Mapping[str, Any], seconds: Mapping[str, float], said: str, signs: Marks, became: Mapping[str, str]
) -> RenderableType:
    """The steps from top to bottom; beside the one under way, what it says. `became`: see `marked`."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=2)
    grid.add_column(min_width=14)
    grid.add_column(justify="right", min_width=8)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    backward = work["direction"] == "backward"
    for index, step in enumerate(work["plan"]):
        here = work["state"] == "active" and step == work["step"]
        sign, style = _sign(work, index, here, backward, signs, became.get(step, ""))
        took = duration(seconds[step]) if step in seconds else ""
        grid.add_row(
            Text(sign, style=style), Text(step, style=style), Text(took, style="dim"), Text(said if here else "", "dim")
        )
    state = "undoing" if backward and work["state"] == "active" else work["state"].replace("_", " ")
    head = Text.assemble((title(work), "bold"), "  ", (state, STATE_STYLE[work["state"]]))
    return Group(head, grid)


def _sign(
    work: Mapping[str, Any], index: int, here: bool, backward: bool, signs: Marks, became: str
) -> tuple[str, str]:
    if here:
        return (
            (("<-", "yellow") if backward else (signs.moving[-1], "cyan"))
            if signs.yes == "+"
            else (("↩", "yellow") if backward else ("▸", "cyan"))
        )
    if became in ("failed", "errored"):
        return signs.no, "red"
    if became == "undone":
        return ("<-" if signs.yes == "+" else "↩"), "yellow"
    if work["state"] == "done" or index < work["done"] or became == "done":
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
    if work["bakes_until"]:
        rows.append(("bakes", bake_end(work)))
    if work["not_before"]:
        rows.append(("scheduled", local(work["not_before"])))
    if work["cancel"]:
        rows.append(("cancelled", one_line(work["cancel"])))
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), Text(value))
    seconds = {s["name"]: s["seconds"] for s in work["steps"]}
    parts: list[RenderableType] = [plan(work, seconds, "", signs, marked(work["history"])), Text(), facts]
    return Group(*parts, Text(), *_attempts(work["history"])) if work["history"] else Group(*parts)


def _attempts(history: list[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """One line for each; below it, whole and line by line, what went wrong."""
    names = [("undo " if a["direction"] == "backward" else "") + a["step"] for a in history]
    for name, attempt in zip(names, history, strict=True):
        style = {"done": "green", "failed": "red", "errored": "red"}.get(attempt["outcome"], "dim")
        yield Text.assemble(
            (f"{attempt['outcome']:<7}  ", style),
            f"{name:<{max(map(len, names))}}  ",
            (duration(attempt["seconds"]), "dim"),
        )
        for line in plain(attempt["detail"]).splitlines():
            yield Text(f"  {line}", style="dim", overflow="fold")


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
