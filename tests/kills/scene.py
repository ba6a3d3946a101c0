"""The whole of Greenroom on a home of its own, an application in production, visitors in front of it, and what must
hold whatever was killed.

    with scene() as play, play.visitors() as visitors:
        work = play.promote(play.newer)
        ...                                          # kill something
        play.settle()                                # all work ends by itself
        play.assert_sound(visitors)
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from greenroom import lifecycle
from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.clock import SystemClock
from greenroom.cli.client import Client, Unreachable
from greenroom.cli.credentials import Credentials
from greenroom.domain.errors import Errored, GreenroomError
from greenroom.keeper.client import KeeperClient
from greenroom.ports.edge import Pointer
from greenroom.store import records
from greenroom.store.database import Database
from greenroom.workflows.crash import FILE_VARIABLE
from tests.life_support import Life, free_ports, living, pin, wait_until
from tests.load import Load, Style

APPLICATION = Path(__file__).with_name("application")
SHARED = Path(__file__).parents[2] / "bench" / "application"
OLDER, NEWER, SICK, TORN, HALTING = "1.0", "2.0", "3.0", "4.0", "5.0"
"""Well in dev. In production 3.0 fails its journey, 4.0's migration fails half-way, and 5.0 holds its visitors before
it fails its journey."""
HOLDING, HUSHED, TORN_HUSHED = "6.0", "7.0", "8.0"
"""6.0 holds its visitors from the restore point to the switch and is well; 7.0 while it migrates, and is well; 8.0 too,
and its migration fails half-way."""
ILLNESS = {SICK: "sick", TORN: "torn", HALTING: "sick", TORN_HUSHED: "torn"}
CONTRACTS, QUIET = (HALTING, HOLDING), (HUSHED, TORN_HUSHED)
ENDS = {
    v: "rolled_back" if v in ILLNESS else "done" for v in (NEWER, SICK, TORN, HALTING, HOLDING, HUSHED, TORN_HUSHED)
}
"""The state in which a promotion of it from 1.0 ends."""
HELD_SECONDS = 60.0
"""As long as the edge holds a request."""
ENDED = ("done", "rolled_back", "rejected")
BODY = b"a note, as somebody wrote it"
STYLES = (Style(), Style(keep_alive=False), Style("POST", True, body=BODY), Style("POST", False, body=BODY))
PATIENT_SECONDS = 75.0
"""How long a visitor waits for an answer: longer than the edge holds a request."""
UPS = 5
IMPATIENT_SECONDS = 1.5
"""The keeper brings a control plane back at once that died once, and lets one wait that dies again and again. Whoever
waits longer than this says `greenroom up`, as a person would."""


@dataclass
class Scene:
    """The home, and who acts in it. `surroundings` are the variables its control plane is started with."""

    life: Life
    production: int
    store: str
    crashes: Path
    owner: Client
    manager: Client
    surroundings: dict[str, str]
    ports: dict[str, int]
    made: set[str] = field(default_factory=set)
    ups: int = 0
    asked: list[str] = field(default_factory=list)

    # --- what people do ----------------------------------------------------------------------------

    def make(self, *versions: str) -> None:
        """Each is in dev, made if it is not there."""
        for version in versions:
            if version not in self.made:
                ask = partial(self.owner.post, "releases", commit=_commit(self.life, version, self.ports))
                self.insist(partial(ask, then_promote="dev"))
                self.made.add(version)
        self.settle()
        found = self.insist(lambda: self.owner.get("work", limit=2 * len(versions)))
        failed = [w for w in found if w["state"] != "done" and w["environment"] in (None, "dev")]
        assert failed == [], [self.work(w["id"]) for w in failed]

    def promote(self, version: str) -> str:
        """Ask and approve, as often as it takes to be heard; the work's id."""
        self.insist(lambda: self.manager.post("approvals", release=version, environment="production"))
        told = self.insist(lambda: self.owner.post("promotions", release=version, environment="production"))
        return self._asked(told)

    def roll_back(self, **more: Any) -> str:
        return self._asked(self.insist(lambda: self.owner.post("rollbacks", environment="production", **more)))

    def roll_back_to_a_point(self) -> str:
        """To the newest restore point: what visitors wrote since is given up. Its name is read where it lies: the list
        counts what going back would lose, which takes longer than a control plane may live here."""
        points = (self.life.home.environments / "production" / "restore-points").glob("[!.]*/point.json")
        newest = max(points, key=lambda p: json.loads(p.read_text())["at"])
        return self.roll_back(mode="restore", point=newest.parent.name)

    def _asked(self, told: dict[str, Any]) -> str:
        self.asked.append(told["work"]["id"])
        return self.asked[-1]

    def insist(self, ask: Callable[[], Any], seconds: float = 120) -> Any:
        """Ask until somebody answers; a control plane that stays away too long for a person is brought `up`."""
        deadline, since = time.monotonic() + seconds, time.monotonic()
        while True:
            try:
                return ask()
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                if time.monotonic() - since > IMPATIENT_SECONDS:
                    self.up_if_waiting()
                    since = time.monotonic()
            time.sleep(0.02)

    def up_if_waiting(self) -> None:
        if KeeperClient(self.life.home.keeper, heal=True).status(lifecycle.CONTROL_PLANE).state == "backing-off":
            self.ups += 1
            self.up()

    def up(self) -> None:
        """`greenroom up` with this scene's own variables; said again where what it brought up was killed at once."""
        with patch.dict(os.environ, self.surroundings):
            for attempt in range(UPS):
                try:
                    self.life.up()
                except Errored as error:
                    if error.code != "control_plane.silent" or attempt == UPS - 1:
                        raise
                else:
                    return

    def work(self, work_id: str) -> dict[str, Any]:
        return dict(self.insist(lambda: self.owner.get("work", work_id)))

    def unfinished(self) -> list[dict[str, Any]]:
        return [w for w in self.insist(lambda: self.owner.get("work", limit=10)) if w["state"] not in ENDED]

    def settle(self, seconds: float = 240) -> None:
        """All work ends by itself. A person who must look is a failure."""
        deadline = time.monotonic() + seconds
        while left := self.unfinished():
            stuck = [w for w in left if w["state"] == "attention"]
            assert not stuck, self.work(stuck[0]["id"])
            assert time.monotonic() < deadline, [self.work(w["id"]) for w in left]
            time.sleep(0.1)

    def ended(self, work_id: str, seconds: float = 240) -> str:
        """The state in which it ended."""
        self.settle(seconds)
        return str(self.work(work_id)["state"])

    def until(self, work_id: str, *steps: str, seconds: float = 120) -> dict[str, Any]:
        """The work, once it is at one of these steps or has ended."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.work(work_id)
            if found["step"] in steps or found["state"] in ENDED:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def back_to_older(self) -> None:
        """1.0 serves production again, whatever did before."""
        self.settle()
        if self.release_in_production() != OLDER:
            assert self.ended(self.roll_back()) == "done"
        assert self.release_in_production() == OLDER

    @contextmanager
    def baking(self, duration: str) -> Iterator[None]:
        """Production bakes for so long meanwhile: long enough for who does something to a bake, however busy the
        machine is. It takes a control plane."""
        file = self.life.repository / "greenroom.yaml"
        usual = file.read_text()
        file.write_text(usual.replace("for: 400ms", f"for: {duration}"))
        try:
            self._apply()
            yield
        finally:
            file.write_text(usual)
            self._apply()

    def _apply(self) -> None:
        told = self.life.run("apply")
        assert told.returncode == 0, told.stdout + told.stderr

    # --- what is killed ----------------------------------------------------------------------------

    def keeper_pid(self) -> int:
        return int(KeeperClient(self.life.home.keeper, heal=True).ping()["pid"])

    def pid_of(self, name: str) -> int | None:
        return KeeperClient(self.life.home.keeper, heal=True).status(name).pid

    def kill(self, name: str) -> bool:
        """kill -9 what the keeper keeps under this name; False when it does not run at the moment."""
        pid = self.pid_of(name)
        return pid is not None and _killed(pid)

    def kill_keeper(self) -> int:
        pid = self.keeper_pid()
        _killed(pid)
        return pid

    # --- what must hold ----------------------------------------------------------------------------

    @contextmanager
    def visitors(self, *, workers: int = 4) -> Iterator[Load]:
        """They come without a pause, and read and write."""
        with Load(self.production, styles=STYLES, workers=workers, pause=0.03, timeout=PATIENT_SECONDS) as load:
            load.wait_for(20)
            yield load

    def recorded(self) -> tuple[str | None, str | None, str]:
        """Release, work and address of production, as its row says."""
        with reading(self.store) as tx:
            row = records.environment(tx, "production")
            return row.current, row.current_work, row.dial

    def pointer(self) -> Pointer | None:
        """Where visitors of production are sent, as the edge's own file says: nobody needs to answer for that."""
        edge = CaddyEdge(
            self.life.home, self.life.keeper, self.life.project, edge_port=0, clock=SystemClock(), run_as=None
        )
        return edge.pointer("production")

    def is_held(self) -> bool:
        """New requests wait at the edge."""
        found = self.pointer()
        return found is not None and found.dial is None

    def release_in_production(self) -> str:
        """Its version."""
        shown = self.insist(lambda: self.owner.get("environments"))
        return str(next(e["release"]["version"] for e in shown if e["name"] == "production"))

    def serving(self) -> list[str]:
        """The address of every process that serves production, one entry for each process."""
        mark = f"GREENROOM_SOCKET={self.life.home.sockets}"
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                given = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if b"serve.py" in words[1:2] and "GREENROOM_ENVIRONMENT=production" in given:
                found += ["unix/" + v.partition("=")[2] for v in given if v.startswith(mark)]
        return found

    def kept(self) -> list[tuple[str, str, int | None]]:
        """Name, state and process of what the keeper keeps of production."""
        all_of_it = KeeperClient(self.life.home.keeper, heal=True).all()
        return sorted((s.name, s.state, s.pid) for s in all_of_it if s.name.startswith("app/production."))

    def assert_sound(self, visitors: Load) -> None:
        """Visitors, rows, ledger and processes tell one story, and nobody was turned away."""
        self.assert_at_one(visitors)
        assert self.insist(lambda: self.owner.get("ledger", "verify"))["verified"]

    def assert_at_one(self, visitors: Load | None = None) -> None:
        """The same, as far as it can be seen without a control plane. No `visitors`: some were turned away."""
        if visitors is not None:
            assert visitors.result.lost == [], visitors.result.lost[:10]
        release, work, dial = self.recorded()
        pointer = self.pointer()
        assert pointer is not None
        assert (pointer.dial, pointer.release) == (dial, release), (pointer, dial, release)
        wait_until(lambda: self.serving() == [dial])  # what was told to end may just be ending
        kept = self.kept()
        assert [(n.rpartition(".")[2], s) for n, s, _ in kept] == [(str(work).rpartition("-")[2], "running")], kept


@contextmanager
def scene(
    store: str = "",
    versions: tuple[str, ...] = (OLDER, NEWER, SICK, TORN, HALTING),
    ground: Callable[[Path], AbstractContextManager[object]] = nullcontext,
    surroundings: Mapping[str, str] | None = None,
) -> Iterator[Scene]:
    """Every release is in dev, the oldest in production. `store` is where the store is; a SQLite file when empty.
    `ground` makes what the home lies on, before anything is in it; `surroundings` are further variables of its
    control plane."""
    with living(ground=ground) as life:
        crashes = life.root / "crashes"
        given = {FILE_VARIABLE: str(crashes), **({"GREENROOM_STORE": store} if store else {}), **(surroundings or {})}
        ports = life.ports | free_ports("production", "preview", "look")
        life.repository.mkdir()
        _commit(life, versions[0], ports)
        with patch.dict(os.environ, given):
            url = life.up()["url"]
        token = json.loads((life.home.private / "api.json").read_text())["token"]
        owner = Client(Credentials(url, token, "the home"))
        manager = Client(
            Credentials(url, owner.post("accounts", name="mia", roles=["manager"])["token"], "the account")
        )
        where = store or f"sqlite:///{life.home.store}"
        made = Scene(life, ports["production"], where, crashes, owner, manager, given, ports)
        made.make(*versions)
        assert made.ended(made.promote(OLDER)) == "done"
        yield made


def _commit(life: Life, version: str, ports: dict[str, int]) -> str:
    shutil.copy(SHARED / "serve.py", life.repository / "serve.py")
    for name in ("migrate.py", "down.py"):
        text = (APPLICATION / name).read_text()
        (life.repository / name).write_text(text.replace("ILLNESS", ILLNESS.get(version, "none")))
    journey = (SHARED / "journey.py").read_text()
    (life.repository / "journey.py").write_text(
        'raise SystemExit("it is sick")\n' if ILLNESS.get(version) == "sick" else journey
    )
    text = (APPLICATION / "greenroom.yaml").read_text().replace("PROJECT", life.project)
    words = {"VERSION": version, "CONTRACTS": str(version in CONTRACTS).lower(), "QUIET": str(version in QUIET).lower()}
    for word, value in [*words.items(), *((f"{k.upper()}_PORT", str(v)) for k, v in ports.items())]:
        text = text.replace(word, value)
    (life.repository / "greenroom.yaml").write_text(text)
    lock = life.repository / "requirements.txt"
    if not lock.exists():
        pin(SHARED / "requirements.in", lock)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for line in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", version]):
        subprocess.run([*git, *line], cwd=life.repository, check=True, capture_output=True)
    return subprocess.check_output([*git, "rev-parse", "HEAD"], cwd=life.repository, text=True).strip()


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def reading(store: str) -> Iterator[Any]:
    """The store as it stands, read past the control plane."""
    database = Database(store, SystemClock(), connections=1)
    try:
        with database.reading() as tx:
            yield tx
    finally:
        database.close()


def refused(ask: Callable[[], Any]) -> GreenroomError | None:
    """What was answered instead; None when it was granted."""
    try:
        ask()
    except GreenroomError as error:
        return error
    return None
