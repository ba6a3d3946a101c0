"""Promotions and rollbacks of production in front of visitors: what is lost, how long they take, what visitors feel.

A whole home: keeper, Caddy, PostgreSQL, an application that keeps a row for every POST. Every round promotes the newer
release and goes back to the older: in every other round during the bake, in the others once it is over, which starts
the older release again beside the newer. Between rounds nothing changes, for as long: that is what `steady` means.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.life_support import Life, free_ports, living, wait_until

from bench.figure import Figure
from bench.visitors import Seen, visiting
from greenroom.cli.client import Client
from greenroom.cli.credentials import Credentials

ROUNDS = int(os.environ.get("GREENROOM_BENCH_ROUNDS", "50"))
"""Each is a promotion and a rollback."""
APPLICATION = Path(__file__).with_name("application")
OLDER, NEWER = "1.0", "2.0"
LOOK_SECONDS = 0.25
UNFINISHED = ("waiting", "queued", "active")

Span = tuple[float, float]


@dataclass
class Theatre:
    """The home under test, who acts in it, and what they wrote down."""

    life: Life
    production: int
    owner: Client
    manager: Client
    works: list[str] = field(default_factory=list)
    changing: list[Span] = field(default_factory=list)
    steady: list[Span] = field(default_factory=list)
    back: list[float] = field(default_factory=list)

    def promote(self, version: str) -> str:
        """Ask and approve; the work's id."""
        self.manager.post("approvals", release=version, environment="production")
        work = self.owner.post("promotions", release=version, environment="production")["work"]["id"]
        self.works.append(work)
        return str(work)

    def roll_back(self) -> str:
        return str(self.owner.post("rollbacks", environment="production")["work"]["id"])

    def work(self, work_id: str) -> dict[str, Any]:
        return dict(self.owner.get("work", work_id))

    def until(self, work_id: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 120) -> bool:
        """Look, at the pace of somebody who watches, until it holds; False when it never did."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holds(self.work(work_id)):
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def ended(self, work_id: str, state: str) -> None:
        self.until(work_id, lambda w: w["state"] not in UNFINISHED)
        found = self.work(work_id)
        assert found["state"] == state, found


def measure(directory: Path) -> list[Figure]:
    with living() as life:
        theatre = _opened(life, directory)
        with visiting(theatre.production) as seen:
            time.sleep(2)
            for number in range(ROUNDS):
                _round(theatre, goes_back_in_the_bake=number % 2 == 0)
            time.sleep(1)
        told = theatre.owner.get("ledger", "verify")
        assert told["verified"], told
        kept = int(_visit(theatre.production).split()[1])
        return _figures(theatre, seen, kept)


def _round(theatre: Theatre, *, goes_back_in_the_bake: bool) -> None:
    began = time.monotonic()
    work = theatre.promote(NEWER)
    if goes_back_in_the_bake:
        theatre.until(work, lambda w: w["step"] == "bake" or w["state"] not in UNFINISHED)
        asked = time.monotonic()
        theatre.roll_back()
        wait_until(lambda: _visit(theatre.production).startswith(OLDER))
        theatre.back.append(time.monotonic() - asked)
        theatre.ended(work, "rolled_back")
    else:
        theatre.ended(work, "done")
        back = theatre.roll_back()
        theatre.works.append(back)
        theatre.ended(back, "done")
    ended = time.monotonic()
    theatre.changing.append((began, ended))
    theatre.until(work, lambda w: False, ended - began)  # somebody watches all the time
    theatre.steady.append((ended, time.monotonic()))


def _figures(theatre: Theatre, seen: Seen, kept: int) -> list[Figure]:
    journeys = 1 + len(theatre.works)  # each writes a row, the first deployment's too
    done = [w for w in map(theatre.work, theatre.works) if w["state"] == "done"]
    own = [_own_seconds(w) for w in done]
    by_step = {name: statistics.median(_step(w, name) for w in done) for name in done[0]["plan"]}
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in by_step.items())
    changing, steady = seen.within(theatre.changing), seen.within(theatre.steady)
    said = f"{seen.requests:,} requests in {ROUNDS} promotions and as many rollbacks"
    print(f"  steps (median s): {steps}", file=sys.stderr)
    print(f"  p99 {p99(changing) * 1000:.1f} / {p99(steady) * 1000:.1f} ms", file=sys.stderr)
    for how in seen.lost[:10]:
        print("  lost:", how, file=sys.stderr)
    return [
        Figure("requests lost", len(seen.lost), "requests", 0, f"{said}; kept and closed connections, GET, POST, 5 s"),
        Figure("rows lost", seen.posted - (kept - journeys), "rows", 0, f"{seen.posted:,} POST answered, all kept"),
        Figure(
            "p99 while production changes",
            p99(changing) / p99(steady),
            "×",
            1.2,
            f"against as long a time without a change, taking turns; {len(changing):,} and {len(steady):,} requests",
        ),
        Figure(
            "Greenroom's part of a promotion",
            statistics.median(own),
            "s",
            0.5,
            f"median of {len(own)}: the whole less migration, boot, checks, drain and bake",
        ),
        Figure(
            "back during the bake",
            statistics.median(theatre.back),
            "s",
            0.5,
            f"median of {len(theatre.back)}: from asking until a visitor sees the older release",
        ),
    ]


def _own_seconds(work: dict[str, Any]) -> float:
    return float(work["seconds"] - work["application_seconds"] - _step(work, "bake"))


def _step(work: dict[str, Any], name: str) -> float:
    return float(next((s["seconds"] for s in work["steps"] if s["name"] == name), 0.0))


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


# --- the ground ----------------------------------------------------------------------------------------


def _opened(life: Life, directory: Path) -> Theatre:
    """Both releases are in dev, the older in production."""
    ports = life.ports | free_ports("production", "preview", "look")
    life.repository.mkdir()
    commits = [_commit(life, version, ports) for version in (OLDER, NEWER)]
    url = life.up()["url"]
    owner = Client(Credentials(url, _owner_token(life), "the home"))
    manager = owner.post("accounts", name="mia", roles=["manager"])["token"]
    theatre = Theatre(life, ports["production"], owner, Client(Credentials(url, manager, "the account")))
    for commit in commits:
        work = owner.post("releases", commit=commit, then_promote="dev")
        theatre.ended(work["id"], "done")
        wait_until(lambda: not [w for w in owner.get("work") if w["state"] in UNFINISHED])
    theatre.ended(theatre.promote(OLDER), "done")
    theatre.works.clear()
    return theatre


def _commit(life: Life, version: str, ports: dict[str, int]) -> str:
    for name in ("serve.py", "migrate.py", "journey.py"):
        shutil.copy(APPLICATION / name, life.repository / name)
    text = (APPLICATION / "greenroom.yaml").read_text().replace("PROJECT", life.project)
    for word, value in [("VERSION", version), *((f"{k.upper()}_PORT", str(v)) for k, v in ports.items())]:
        text = text.replace(word, value)
    (life.repository / "greenroom.yaml").write_text(text)
    lock = life.repository / "requirements.txt"
    if not lock.exists():
        uv = Path(sys.executable).with_name("uv")
        command = [uv, "pip", "compile", "-q", "--generate-hashes", "--no-header", APPLICATION / "requirements.in"]
        subprocess.run([*command, "-o", lock], check=True, capture_output=True)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", version]):
        subprocess.run([*git, *words], cwd=life.repository, check=True, capture_output=True)
    return subprocess.check_output([*git, "rev-parse", "HEAD"], cwd=life.repository, text=True).strip()


def _owner_token(life: Life) -> str:
    return str(json.loads((life.home.private / "api.json").read_text())["token"])


def _visit(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        return str(answer.read().decode())
