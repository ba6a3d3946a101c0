"""What a search for columns about people found, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.terminal.words import one_line

STYLE = {"rule": "green", "harmless": "dim", "undecided": "yellow"}


def found(verdicts: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Columns about people and those to look at, with their reasons; the harmless ones are counted."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("column", "rule", "", "because"):
        table.add_column(column)
    for v in verdicts:
        if v["verdict"] != "harmless":
            rule = one_line(v["rule"] or "") + ("?" if v["verdict"] == "undecided" else "")
            style = STYLE[v["verdict"]]
            table.add_row(
                Text(one_line(v["column"])),
                Text(rule, style=style),
                Text(f"{v['confidence']:.2f}", style="dim"),
                Text(one_line(v["reason"])),
            )
    harmless = sum(v["verdict"] == "harmless" for v in verdicts)
    end = Text(f"{harmless} columns are harmless. --write puts all of it into greenroom.yaml.", style="dim")
    return Group(table, Text(), end)


def written(told: Mapping[str, Any]) -> RenderableType:
    """What was written where, and what is left to a person."""
    head = f"{len(told['added'])} columns were added to {one_line(told['file'])}"
    lines = [Text(f"{head}; {len(told['kept'])} stood there already")]
    if told["to_look_at"]:
        lines.append(Text(f"{len(told['to_look_at'])} are for somebody to look at; they stand there as comments:"))
        lines += [Text(f"  {one_line(column)}", style="yellow") for column in told["to_look_at"]]
    lines.append(Text("read it, then: greenroom apply, and greenroom data make", style="dim"))
    return Group(*lines)
