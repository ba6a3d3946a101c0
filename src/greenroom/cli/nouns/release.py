"""`greenroom release`: making sealed releases, and looking at them."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, by_default, command
from greenroom.cli.options import Limit, Release, Wait
from greenroom.terminal.words import json_text, local, one_line, since, size

ORDER = 60
MOST = 1000


def commands(app: typer.Typer) -> None:
    group = typer.Typer(
        name="release",
        cls=by_default("make", "a commit"),
        help="Make a sealed release from a commit: greenroom release [COMMIT] is release make [COMMIT].",
    )
    command(group, "make")(make)
    command(group, "list")(listed)
    command(group, "show")(show)
    command(group, "documents")(documents)
    app.add_typer(group)


def make(
    session: Session,
    commit: Annotated[str, typer.Argument(metavar="[COMMIT]", help="A branch, tag or hash.")] = "HEAD",
    then: Annotated[
        str | None, typer.Option("--then", metavar="ENVIRONMENT", help="Promote it there once it is sealed.")
    ] = None,
    wait: Wait = True,
) -> int:
    """Build and seal a release from a commit, once: from then on only these bytes move.

    It is built in a clean room, started once with only what it declares, and what it misses is named.

    \b
    Example: greenroom release v7.0.1 --then dev
    """
    work = session.client.post("releases", commit=commit, then_promote=then)
    if not wait:
        session.answer(work, lambda: f"making a release of {one_line(commit)}: greenroom work show {work['id']}")
        return 0
    from greenroom.cli.waiting import wait as stay

    code = stay(session, work)
    if code == 0 and not session.as_json:
        done = session.client.get("work", work["id"])
        session.show(Text(f"{one_line(done['version'] or '')}  {done['release']}"))
    return code


def listed(session: Session, limit: Limit = 20) -> int:
    """Releases, newest first, and the environments each is in.

    \b
    Example: greenroom release list
    """
    found = session.client.get("releases", limit=min(limit + 1, MOST))
    more, found = len(found) > limit, found[:limit]
    session.answer(found, lambda: _table(found))
    if more:
        session.say(f"the newest {limit}, there are more: --limit {min(limit * 5, MOST)} shows them")
    return 0


def show(session: Session, release: Release) -> int:
    """Everything about one release: how it runs, and what was found out about it.

    \b
    Example: greenroom release show 7.0.1
    """
    found = session.client.get("releases", release)
    session.answer(found, lambda: _in_full(found))
    return 0


def documents(session: Session, release: Release) -> int:
    """Its bill of materials (CycloneDX) and its signed provenance (in-toto), as JSON.

    \b
    Example: greenroom release documents 7.0.1 > documents.json
    """
    found = session.client.get("releases", release, "documents")
    sys.stdout.write(json_text(found, indent=2) + "\n")
    return 0


def _table(found: list[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("There is no release yet: greenroom release makes one.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("version", "digest", "commit", "made", "in"):
        table.add_column(column)
    for r in found:
        table.add_row(
            Text(one_line(r["version"]), style="bold"),
            Text(one_line(r["short"])),
            Text(one_line(r["commit"][:12]), style="dim"),
            Text(f"{since(r['made_at'])} by {one_line(r['made_by'])}"),
            Text(", ".join(r["in"]), style="green"),
        )
    return table


def _in_full(r: dict[str, Any]) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    d = r["descriptor"]
    processes = ", ".join(f"{p['name']}: {' '.join(p['command'])}" for p in d["processes"])
    rows = [
        ("digest", r["digest"]),
        ("commit", r["commit"]),
        ("made", f"{since(r['made_at'])} by {one_line(r['made_by'])} ({local(r['made_at'])}), {size(r['size'])}"),
        ("in", ", ".join(r["in"]) or "no environment"),
        ("runs", processes),
        ("migration", f"{d['migration']['style']} {' '.join(d['migration']['command'])}".strip()),
        ("health", f"GET {d['health']['path']} answers {d['health']['status']}"),
    ]
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), Text(one_line(value)))
    evidence = Table.grid(padding=(0, 2))
    for e in r["evidence"]:
        style = {"passed": "green", "failed": "red", "errored": "yellow"}[e["outcome"]]
        said = "revoked" if e["revoked_at"] else e["outcome"]
        evidence.add_row(
            Text(said, style="dim" if e["revoked_at"] else style),
            Text(f"{e['kind']} {one_line(e['name'])}"),
            Text(e["environment"] or "", style="dim"),
            Text(f"{since(e['at'])} by {one_line(e['by'])}", style="dim"),
            Text(e["id"], style="dim"),
        )
    return Group(Text(one_line(r["version"]), style="bold"), facts, Text(), evidence)
