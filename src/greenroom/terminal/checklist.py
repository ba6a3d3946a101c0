"""What the gates said, line by line: what is satisfied, what is not, and who or what can satisfy it, and when."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.terminal.screen import Marks
from greenroom.terminal.words import local, one_line, until

STYLE = {"passed": "green", "refused": "red", "waiting": "yellow"}


def checklist(decision: dict[str, Any], signs: Marks) -> RenderableType:
    """Every line: sign, gate, finding; below it what to do. Overridden lines say by whom."""
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column()
    for line in decision["lines"]:
        sign = {"passed": signs.yes, "refused": signs.no, "waiting": signs.wait}[line["verdict"]]
        told = Text(one_line(line["because"]))
        if line["overridden_by"]:
            told.append(f"; set aside by {one_line(line['overridden_by'])}", style="yellow")
        elif line["next"]:
            told.append(f"\n{one_line(line['next'])}", style="dim")
        if line["until"]:
            told.append(f"\nby itself {until(line['until'])}, at {local(line['until'])}", style="dim")
        style = "green" if line["overridden_by"] else STYLE[line["verdict"]]
        grid.add_row(Text(sign, style=style), Text(one_line(line["title"])), told)
    return grid


def verdict(decision: dict[str, Any], what: str) -> Text:
    """The headline: may it, may it not, or not yet?"""
    said = {"passed": "may go", "refused": "may not go", "waiting": "waits"}[decision["verdict"]]
    return Text(f"{what} {said}", style=f"bold {STYLE[decision['verdict']]}")


def answered(decision: dict[str, Any], what: str, signs: Marks) -> RenderableType:
    if not decision["lines"]:
        return verdict(decision, what)
    return Group(verdict(decision, what), Text(), checklist(decision, signs))
