"""The demo's report as a person reads it in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from greenroom.demo.report import Facts, conditions, is_ok
from greenroom.domain.names import short


def show(facts: Facts, console: Console) -> None:
    """Print where everything stands, what each promotion cost, what visitors saw, and what holds."""
    console.print(_environments(facts))
    console.print(_promotions(facts))
    console.print(_visitors(facts))
    console.print()
    for condition in conditions(facts):
        line = Text("  ✔ " if condition.holds else "  ✘ ", style="green" if condition.holds else "bold red")
        line.append(condition.name, style="default" if condition.holds else "bold")
        line.append(f": {condition.found}", style="dim" if condition.holds else "default")
        console.print(line)
    done = "All of it holds." if is_ok(facts) else "Not all of it holds."
    console.print(Text(f"\n{done} {facts.seconds:.0f} s in all.", style="bold green" if is_ok(facts) else "bold red"))


def _environments(facts: Facts) -> Table:
    table = Table(title="The path", title_justify="left", box=None, pad_edge=False)
    for heading in ("environment", "kind", "version", "release", "address"):
        table.add_column(heading, no_wrap=True)
    for e in facts.environments:
        release = short(e.release) if e.release else "–"
        table.add_row(*map(Text, (e.name, e.kind, e.version or "–", release, e.url or "nothing runs here")))
    return table


def _promotions(facts: Facts) -> Table:
    table = Table(title="\nPromotions (seconds)", title_justify="left", box=None, pad_edge=False)
    table.add_column("version", no_wrap=True)
    table.add_column("into", no_wrap=True)
    for heading in ("in all", "application", "bake", "Greenroom"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("longest steps")
    for p in facts.promotions:
        longest = sorted(p.steps, key=lambda step: -step[1])[:3]
        said = ", ".join(f"{name} {seconds:.2f}" for name, seconds in longest if seconds >= 0.005)
        figures = (p.seconds, p.application_seconds, p.baked_seconds, p.own_seconds)
        table.add_row(*map(Text, (p.version, p.environment, *(f"{f:.2f}" for f in figures), said)))
    return table


def _visitors(facts: Facts) -> Text:
    t = facts.traffic
    said = f"\nProduction's visitors: {t.requests} requests, {t.failed} failed"
    times = (
        ("median", t.p50_ms),
        ("99 %", t.p99_ms),
        ("99 % while nothing changed", t.steady_p99_ms),
        ("longest wait while held", t.held_max_ms),
    )
    said += "".join(f", {name} {ms:.1f} ms" for name, ms in times if ms is not None)
    return Text(said)
