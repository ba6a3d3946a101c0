"""Data in a terminal: which environment holds what, the datasets, what a refresh would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from greenroom.terminal.words import ago, local, one_line, since, size, until

LABEL_STYLE = {"live": "bold red", "copy": "red", "masked": "green", "synthetic": "green", "none": "dim"}


def drawn(found: Mapping[str, Any]) -> RenderableType:
    """A tree from production down: its backups, what was copied, what was masked, who holds it."""
    by_name = {e["environment"]: e for e in found["environments"]}
    source = found["source"]
    root = Tree(_root(source, by_name.pop(source, {}).get("holds"), found["server"]))
    copies = [e for e in by_name.values() if e["holds"] and e["holds"]["label"] == "copy"]
    masked = [e for e in by_name.values() if e["holds"] and e["holds"]["dataset"]]
    for one in copies:
        root.add(_line(one["environment"], one["holds"], f"from {_whence(one['holds'])}"))
    for dataset in found["datasets"]:
        branch = root.add(_dataset_line(dataset))
        for one in masked:
            if one["holds"]["dataset"] == dataset["name"]:
                branch.add(_line(one["environment"], one["holds"]))
        for clone in found["clones"]:
            if clone["dataset"] == dataset["name"]:
                branch.add(_clone_line(clone))
    known = {d["name"] for d in found["datasets"]}
    for clone in found["clones"]:
        if clone["dataset"] not in known:
            root.add(_clone_line(clone, f"  from {one_line(clone['dataset'])}, which is not kept any longer"))
    for one in masked:
        if one["holds"]["dataset"] not in known:
            gone = f"from {one_line(one['holds']['dataset'])}, which is not kept any longer"
            root.add(_line(one["environment"], one["holds"], gone))
    rest = [e for e in by_name.values() if e not in copies and e not in masked]
    parts: list[RenderableType] = [root]
    for one in rest:
        parts.append(_line(one["environment"], one["holds"]))
    if found["problem"]:
        parts += [Text(), problem(found["problem"])]
    return Group(*parts)


def _root(source: str | None, held: Mapping[str, Any] | None, server: str | None) -> Text:
    if server is None:
        return _line(source or "nowhere", held)
    label = ("live", LABEL_STYLE["live"])
    return Text.assemble((source or "nowhere", "bold"), "  ", label, f", read from {one_line(server)}")


def _whence(held: Mapping[str, Any]) -> str:
    return one_line(held["server"] or held["backup"] or "")


def _line(name: str, held: Mapping[str, Any] | None, more: str = "") -> Text:
    if held is None:
        return Text.assemble((name, "bold"), "  holds nothing yet")
    old = f", as of {local(held['as_of'])}, {ago(held['age_seconds'])}" if held["as_of"] else ""
    stale = "" if held["rules_current"] else "  (other rules are in force by now)"
    made = ", made there" if held["label"] == "synthetic" else ""
    if held.get("seed"):
        made, old = f", the seed of {one_line(held['seed'])}", f", loaded {since(held['at'])}"
    label = (held["label"], LABEL_STYLE[held["label"]])
    return Text.assemble((name, "bold"), "  ", label, made, old, f"  {more}" if more else "", (stale, "yellow"))


def _clone_line(clone: Mapping[str, Any], more: str = "") -> Text:
    whose = f"  {one_line(clone['owner'])}'s clone, filled {ago(clone['age_seconds'])}"
    cut_off = "" if clone["state"] == "ready" else f"  ({clone['state']})"
    return Text.assemble((one_line(clone["name"]), "bold"), whose, more, (cut_off, "yellow"))


def clones(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not found:
        return Text("no clone yet: greenroom clone")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("clone", "owner", "dataset", "filled", "expires", "dataset's size", ""):
        table.add_column(column)
    for c in found:
        table.add_row(
            Text(one_line(c["name"])),
            Text(one_line(c["owner"])),
            Text(one_line(c["dataset"])),
            Text(f"{local(c['made_at'])}, {since(c['made_at'])}"),
            Text(until(c["expires_at"])),
            Text(size(c["bytes"])),
            Text("" if c["state"] == "ready" else c["state"], style="yellow"),
        )
    return table


def _dataset_line(d: Mapping[str, Any]) -> Text:
    of = f", from {one_line(d['server'])}" if d["server"] else ""
    told = f"  {d['masked_columns']} columns masked, {d['rows']} rows, as of {local(d['as_of'])}{of}"
    stale = "" if d["rules_current"] else "  (other rules are in force by now)"
    return Text.assemble((one_line(d["name"]), "bold"), told, (stale, "yellow"))


def remark(told: Mapping[str, Any]) -> RenderableType:
    """What the environment's database holds, below the checklist; and why nothing newer can come."""
    line = Text.assemble(("its data  ", "dim"), _line(told["environment"], told["holds"]))
    return Group(line, problem(told["problem"])) if told["problem"] else line


def datasets(found: Mapping[str, Any]) -> RenderableType:
    parts: list[RenderableType] = []
    if found["datasets"]:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("dataset", "made", "as of", "rows", "masked columns", "size", ""):
            table.add_column(column)
        for d in found["datasets"]:
            table.add_row(
                Text(one_line(d["name"])),
                Text(f"{local(d['made_at'])}, {since(d['made_at'])}"),
                Text(local(d["as_of"]) if d["as_of"] else ""),
                Text(str(d["rows"])),
                Text(str(d["masked_columns"])),
                Text(size(d["bytes"])),
                Text("" if d["rules_current"] else "made under other rules", style="yellow"),
            )
        parts.append(table)
    else:
        parts.append(Text("no dataset yet: greenroom data make"))
    if found["problem"]:
        parts += [Text(), problem(found["problem"])]
    return Group(*parts)


def problem(told: Mapping[str, Any]) -> RenderableType:
    """Why the last attempt to make a dataset was refused."""
    lines = [Text.assemble(("no newer dataset: ", "red"), one_line(told["error"] or ""), f", {since(told['at'])}")]
    if told["because"]:
        lines.append(Text(f"  {one_line(told['because'])}"))
    lines += [Text(f"  {one_line(c)}") for c in told["columns"]]
    if told["columns"]:
        lines.append(Text("  greenroom data discover --write proposes rules for them", style="dim"))
    return Group(*lines)


def preview(p: Mapping[str, Any]) -> RenderableType:
    """What a refresh would bring, and what it would replace."""
    if p["seed"]:
        return _rows(p, [("brings", f"synthetic data: {', '.join(p['seed'])}, on the migrations of its release")])
    origin = f"the backups of {p['source']}"
    latest = "the latest that reached the archive"
    takes = size(p["bytes"])
    if p["dataset"]:
        origin = f"dataset {p['dataset']}"
    elif p["server"]:
        origin, latest, takes = p["server"], "the moment at which it is read", "as much as it holds there,"
    rows = [
        ("brings", f"{p['label']} data of {p['source']}, from {origin}"),
        ("as of", local(p["as_of"]) if p["as_of"] else (p["to"] or latest)),
        ("takes", f"{takes} of disk beside what is there; visitors wait for the exchange alone"),
    ]
    return _rows(p, rows)


def _rows(p: Mapping[str, Any], rows: list[tuple[str, str]]) -> RenderableType:
    """With what every refresh has: what it replaces, the edits, what is kept."""
    now = p["replaces"]
    held = f"{now['label']} data" + (f" as of {local(now['as_of'])}" if now["as_of"] else "") if now else "nothing"
    rows = [
        *rows,
        ("replaces", held),
        ("edits", f"{p['edits']} statements are run again" if p["edits"] else "none"),
        ("kept aside", "the database that is there now"),
    ]
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), Text(one_line(value)))
    return grid
