"""`greenroom status` as a picture: the path from left to right, or downwards where the terminal is narrow, and below
it what waits, for what, and who can help."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from greenroom.terminal.screen import Marks, marks, rendered
from greenroom.terminal.words import age, duration, instant, one_line, until

NARROWEST, WIDEST = 16, 20  # of a box; a short digest has 12 characters
MOST_LINES = 3
STYLE = {"passed": "green", "waiting": "yellow", "refused": "red"}
HEALTH = {"up": "green", "starting again": "yellow", "down": "red", "unknown": "yellow"}

Path = dict[str, Any]


def picture(path: Path, *, width: int, color: bool, unicode: bool) -> str:
    """The whole status as text for a terminal of `width` columns. Without `unicode` it is ASCII, whatever people wrote:
    a terminal that cannot show a letter would break the whole picture off."""
    view = _View(path, width, marks(unicode))
    said = rendered(view.whole(), width=width, color=color)
    return said if unicode else said.replace("…", "~").encode("ascii", "replace").decode()


class _View:
    def __init__(self, path: Path, width: int, signs: Marks) -> None:
        self.path = path
        self.environments: list[dict[str, Any]] = path["environments"]
        self.now: datetime = instant(path["at"]) or datetime.now(UTC)
        self.width = width
        self.signs = signs
        count = max(len(self.environments), 1)
        self.gap = 5 if count * NARROWEST + (count - 1) * 5 <= width else 4
        self.box = min(WIDEST, (width - (count - 1) * self.gap) // count)

    def whole(self) -> RenderableType:
        parts: list[RenderableType] = [Text(one_line(self.path["project"]), style="bold"), Text()]
        if self.box >= NARROWEST:
            parts.append(self._across())
            notes = [n for e in self.environments for n in self._notes(e)]
            parts += [Text(), *notes] if notes else []
        else:
            parts += list(self._downwards())
        parts += self._making()
        if not any(e["release"] for e in self.environments) and not self.path["releases"]:
            parts += [Text(), Text("Nothing is released yet: greenroom release makes one of the newest commit.")]
        return Group(*parts)

    # --- across ------------------------------------------------------------------------------------

    def _across(self) -> Table:
        """Boxes and arrows in one row."""
        grid = Table.grid(padding=0)
        cells: list[RenderableType] = []
        for index, e in enumerate(self.environments):
            if index:
                grid.add_column(width=self.gap)
                cells.append(Align.center(self._arrow(e), vertical="middle", height=6))
            grid.add_column(width=self.box)
            cells.append(self._box(e))
        grid.add_row(*cells)
        return grid

    def _box(self, e: dict[str, Any]) -> Panel:
        content = Text("\n").join(self._facts(e)[:4])
        content.no_wrap, content.overflow = True, "ellipsis"
        active = any(w["state"] in ("active", "attention") for w in e["work"])
        return Panel(
            content,
            box=self.signs.box,
            title=Text(one_line(e["name"]), style="bold"),
            title_align="left",
            border_style="cyan" if active else "blue" if e["frozen"] else "dim",
            width=self.box,
            height=6,
        )

    def _facts(self, e: dict[str, Any]) -> list[Text]:
        """What is there, one fact per line: version, digest, health and age, what happens."""
        release = e["release"]
        if release is None:
            lines = [Text(self.signs.dash, style="dim"), Text("empty", style="dim"), Text()]
        else:
            lines = [Text(one_line(release["version"]), style="bold"), Text(release["short"], style="dim")]
            lines.append(Text.assemble(self._health(e), Text(f" {age(e['age_seconds'] or 0)}")))
        return [*lines, self._now(e)]

    def _health(self, e: dict[str, Any]) -> Text:
        if e["health"] is None:
            return Text("kept", style="dim")
        word = {"starting again": "restarting"}.get(e["health"], e["health"])
        return Text(f"{self.signs.dot} {word}", style=HEALTH.get(e["health"], "yellow"))

    def _now(self, e: dict[str, Any]) -> Text:
        """What is going on, in two words."""
        for w in e["work"]:
            if w["state"] == "attention":
                return Text("needs you", style="bold red")
            if w["state"] == "active":
                return Text(doing(w), style="cyan")
        if e["frozen"]:
            return Text(self.signs.snow if self.signs.snow == "frozen" else f"{self.signs.snow} frozen", style="blue")
        if any(w["state"] == "queued" for w in e["work"]):
            return Text("queued", style="cyan")
        if any(w["state"] == "waiting" for w in e["work"]):
            return Text("waiting", style="yellow")
        held = e["data"]
        if held and held["as_of"]:  # it came from production: how old is it?
            return Text(f"{held['label']} {age(held['age_seconds'] or 0)}", style="dim")
        return Text()

    def _arrow(self, e: dict[str, Any]) -> Text:
        if any(w["state"] in ("active", "attention") and w["kind"] == "promotion" for w in e["work"]):
            return Text(self.signs.moving, style="cyan")
        verdict = e["arrow"]["verdict"] if e["arrow"] else None
        sign = {"refused": self.signs.refused, "waiting": self.signs.waiting}.get(verdict or "", self.signs.arrow)
        return Text(sign, style=STYLE.get(verdict or "", "dim"))

    # --- downwards ---------------------------------------------------------------------------------

    def _downwards(self) -> Iterator[RenderableType]:
        """One environment below the other, its notes beside the arrow that leads into it."""
        name_width = max((len(e["name"]) for e in self.environments), default=0)
        for index, e in enumerate(self.environments):
            notes = list(self._notes(e, named=False))
            if index:
                yield Text(f"  {self.signs.bar}", style="dim")
            for note in notes:
                grid = Table.grid(padding=(0, 1))
                grid.add_column(width=3)
                grid.add_column(ratio=1)
                grid.add_row(Text(f"  {self.signs.bar if index else ''}", style="dim"), note)
                yield grid
            if index:
                yield Text(f"  {self.signs.down}", style="dim")
            facts = [f for f in self._facts(e) if f.plain.strip()]
            line = Text(f"  {one_line(e['name']).ljust(name_width)}  ", style="bold")
            line.append_text(Text("  ").join(facts))
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line

    # --- notes -------------------------------------------------------------------------------------

    def _notes(self, e: dict[str, Any], *, named: bool = True) -> Iterator[RenderableType]:
        """What a person should know of an environment, as lines under its name."""
        lines = [*self._glass(e), *self._frozen(e), *self._open(e), *self._idle(e), *self._works(e)]
        lines += [*self._not_followed(e), *self._arrow_lines(e)]
        if not lines:
            return
        if named:
            grid = Table.grid(padding=(0, 2))
            grid.add_column(min_width=max(len(x["name"]) for x in self.environments), no_wrap=True)
            grid.add_column()
            for number, line in enumerate(lines):
                grid.add_row(Text("" if number else one_line(e["name"]), style="bold"), line)
            yield grid
        else:
            yield from lines

    def _glass(self, e: dict[str, Any]) -> Iterator[Text]:
        for g in e["glass"]:
            how = "reads and writes" if g["writes"] else "reads"
            said = f"break-glass: {one_line(g['by'])} {how} its database by hand: {one_line(g['reason'])}"
            yield Text(f"{self.signs.no} {said}, ends {until(g['expires_at'], self.now)}", style="bold red")

    def _frozen(self, e: dict[str, Any]) -> Iterator[Text]:
        for f in e["frozen"]:
            end = f", ends {until(f['until'], self.now)}" if f["until"] else ""
            sign = "" if self.signs.snow == "frozen" else f"{self.signs.snow} "
            yield Text(f"{sign}frozen by {one_line(f['by'])}: {one_line(f['reason'])}{end}", style="blue")

    def _open(self, e: dict[str, Any]) -> Iterator[Text]:
        """An environment that should be kept from the network and is not; one in which nothing runs reaches nobody."""
        egress = e.get("egress")
        if egress and egress["wanted"] and not egress["limited"] and e["release"]:
            yield Text(f"outgoing network is not limited: {one_line(egress['why_not'])}", style="yellow")

    def _idle(self, e: dict[str, Any]) -> Iterator[Text]:
        if idle := e.get("idle"):
            yield Text(f"not started here: {', '.join(map(one_line, idle))}", style="dim")

    def _works(self, e: dict[str, Any]) -> Iterator[Text]:
        for w in e["work"]:
            what = {
                "promotion": "comes in",
                "rollback": "comes back",
                "check": "is checked",
                "restore": "is restored",
            }.get(w["kind"], "")
            subject = f"{one_line(w['version'] or '')} {what}"
            if w["state"] == "attention":
                said = one_line((w["error"] or {}).get("message", "it could not go on"))
                yield Text(f"{self.signs.no} {subject}: {said}; greenroom work show {w['id']}", style="red")
            elif w["state"] == "active":
                yield Text(f"{self.signs.moving} {subject}: {doing(w)}, {duration(w['seconds'])}", style="cyan")
                if w["bakes_until"]:
                    end = f"the bake ends by itself {until(w['bakes_until'], self.now)}"
                    yield Text(f"  {end}; greenroom finish {w['id']} ends it now", style="dim")
            elif w["not_before"]:
                yield Text(
                    f"{self.signs.wait} {subject} {until(w['not_before'], self.now)}, as scheduled", style="yellow"
                )

    def _not_followed(self, e: dict[str, Any]) -> Iterator[Text]:
        """The newest commit of the branch is not what is there: it failed on its way in."""
        w = e["follows"]["failed"] if e["follows"] else None
        if w is not None:
            said = one_line((w["error"] or {}).get("message", "it did not come in"))
            called = w["version"] or ""
            called = one_line(called if w["release"] else called[:12])  # a release's version, or a commit
            newest = f"the newest commit of {one_line(e['follows']['branch'])}, {called},"
            yield Text(f"{self.signs.no} {newest} failed: {said}; greenroom work show {w['id']}", style="red")

    def _arrow_lines(self, e: dict[str, Any]) -> Iterator[Text]:
        arrow = e["arrow"]
        if arrow is None or any(w["state"] in ("active", "attention") for w in e["work"]):
            return
        version = one_line(arrow["release"]["version"])
        if arrow["verdict"] == "passed":
            if not arrow["requested"]:
                command = f"greenroom promote {version} {e['name']}"
                yield Text.assemble((f"{self.signs.yes} {version} may come in: ", "green"), command)
            return
        open_lines = [x for x in arrow["lines"] if x["verdict"] != "passed" and not x["overridden_by"]]
        waits = "waits" if arrow["requested"] else "would wait"
        said = "may not come in" if arrow["verdict"] == "refused" else waits
        yield Text(f"{version} {said}", style=STYLE[arrow["verdict"]])
        for x in open_lines[:MOST_LINES]:
            sign = self.signs.no if x["verdict"] == "refused" else self.signs.wait
            when = f" ({until(x['until'], self.now)})" if x["until"] else ""
            yield Text.assemble((f"{sign} ", STYLE[x["verdict"]]), f"{one_line(x['because'])}{when}")
            yield Text(f"  {one_line(x['next'])}", style="dim")
        if len(open_lines) > MOST_LINES:
            yield Text(f"  and {len(open_lines) - MOST_LINES} more: greenroom why {version} {e['name']}", style="dim")

    def _making(self) -> list[RenderableType]:
        """What is under way and holds no environment: releases on their way to being sealed, backups, drills."""
        lines: list[RenderableType] = [
            Text(
                f"{self.signs.moving} {_called(w)}: "
                f"{doing(w) if w['state'] == 'active' else w['state']}, {duration(w['seconds'])}",
                style="cyan" if w["state"] != "attention" else "red",
            )
            for w in self.path["releases"]
        ]
        return [Text(), *lines] if lines else []


def _called(w: dict[str, Any]) -> str:
    if w["kind"] != "release":
        return f"a {w['kind']}"
    return f"a release of {one_line(w['version'] or 'a commit')[:40]}"


def doing(w: dict[str, Any]) -> str:
    """The step of active work and how far that is: `migrate 3/9`, `baking`, `undoing start`."""
    step = w["step"] or "ending"
    if w["direction"] == "backward":
        return f"undoing {step}"
    if step == "bake":
        return "baking"
    return f"{step} {min(w['done'] + 1, len(w['plan']))}/{len(w['plan'])}"
