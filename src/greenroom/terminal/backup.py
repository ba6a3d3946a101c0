"""Backups in a terminal: how they stand, one of them, what a restore would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.terminal.words import age, ago, duration, instant, local, one_line, since, size


def standing(found: Mapping[str, Any]) -> RenderableType:
    """The head in words, then the backups and restore points, newest first."""
    head = Table.grid(padding=(0, 2))
    for name, value in _head(found):
        head.add_row(Text(name, style="dim"), Text(value))
    parts: list[RenderableType] = [head]
    if found["backups"]:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("backup", "made", "kind", "size", "stored", ""):
            table.add_column(column)
        for b in found["backups"]:
            table.add_row(
                Text(one_line(b["name"])),
                Text(f"{local(b['at'])}, {since(b['at'])}"),
                Text("full" if b["full"] else "incremental"),
                Text(size(b["size"])),
                Text(size(b["bytes"])),
                Text("damaged" if b["damaged"] else "", style="red"),
            )
        parts += [Text(), table]
    if found["restore_points"]:
        points = Table(box=None, pad_edge=False, header_style="dim")
        points.add_column("restore point")
        points.add_column("made")
        for p in found["restore_points"][:20]:
            points.add_row(Text(one_line(p["name"])), Text(f"{local(p['at'])}, {since(p['at'])}"))
        parts += [Text(), points]
    return Group(*parts)


def _head(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    newest = f"{local(found['newest_at'])}, {ago(found['age_seconds'])}" if found["newest_at"] else "none yet"
    rows = [("newest backup", newest)]
    if found["flows"]:
        behind = found["behind_bytes"] or 0
        rows.append(("changes", "reach the archive as they happen" + (f", {size(behind)} behind" if behind else "")))
    elif found["newest_at"] or found["enabled"]:
        rows.append(("changes", "do not reach the archive: " + (one_line(found["problem"]) or "it is not there yet")))
    if found["gap"]:
        rows.append(("hole", one_line(found["problem"]) or "the archive lacks a part of the log"))
    if found["flows"] and found["problem"] and not found["gap"]:
        rows.append(("second place", one_line(found["problem"])))
    if found["drill"]:
        d = found["drill"]
        took = f", restored in {duration(d['rto_seconds'])}" if d["rto_seconds"] is not None else ""
        rows.append(("last drill", f"{d['outcome']}, {since(d['at'])}{took}"))
    else:
        rows.append(("last drill", "none yet"))
    if not found["enabled"]:
        rows.append(("schedule", "switched off here"))
    rows += [("kept aside", f"{one_line(a['name'])}, {since(a['at'])}") for a in found["asides"]]
    return rows


def one(b: Mapping[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    rows = [
        ("backup", b["name"]),
        ("made", f"{local(b['at'])}, {since(b['at'])}, in {duration(b['seconds'])}"),
        ("kind", "full" if b["full"] else f"increment of {b['parent']}"),
        ("brings back", f"{size(b['size'])} in {b['files']} files, PostgreSQL {b['version']}"),
        ("stored", size(b["bytes"])),
    ]
    if b["damaged"]:
        rows.append(("damaged", b["damaged"]))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), Text(one_line(value)))
    return grid


def preview(p: Mapping[str, Any]) -> RenderableType:
    """What a restore would bring back, lose and take."""
    grid = Table.grid(padding=(0, 2))
    increments = f" and {len(p['chain']) - 1} it builds on" if len(p["chain"]) > 1 else ""
    rows = [
        ("back to", p["target"]),
        ("from", f"{p['backup']} ({local(p['backup_at'])}){increments}, then {p['log_files']} files of the log"),
        ("lost", _lost(p)),
    ]
    for table, n in p["tables"].items():
        told = ", ".join(f"{n[k]} {k}" for k in ("inserted", "updated", "deleted") if n[k])
        rows.append(("", f"{table}: {told}"))
    if p["missing"]:
        rows.append(("hole", f"{p['missing']} is missing: what lies behind it cannot be brought back"))
    if p["behind_bytes"]:
        rows.append(
            ("not archived", f"{size(p['behind_bytes'])} of the log; visitors are held first, so it still comes")
        )
    how = "as measured here" if p["seconds_measured"] else "estimated; a drill measures it"
    rows.append(("takes", f"about {duration(p['seconds'])} ({how}), {size(p['bytes'])} of disk; visitors wait"))
    rows.append(("kept aside", "the database that is there now"))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), Text(one_line(value)))
    return grid


def _lost(p: Mapping[str, Any]) -> str:
    if p["lost_transactions"] is None:
        return f"not counted: {p['not_counted']}"
    if not p["lost_transactions"]:
        return "nothing that was committed"
    first, last = instant(p["lost_from"]), instant(p["lost_until"])
    span = f", {age((last - first).total_seconds())} of work" if first and last and last > first else ""
    return f"{p['lost_transactions']} committed transactions, from {local(p['lost_from'])} on{span}"
