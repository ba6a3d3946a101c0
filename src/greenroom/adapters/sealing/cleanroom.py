"""The one start with only what is declared: migrate, start, ask its health, stop; and what it missed meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from greenroom.adapters.home import Home
from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.forward import forwarded, get
from greenroom.adapters.sealing.languages import builder
from greenroom.adapters.sealing.observe import report, shims, strace
from greenroom.adapters.sealing.observe.names import Declared
from greenroom.adapters.sealing.rooms import Doors, Room, Running, Task, grown
from greenroom.adapters.sealing.tools import Interpreter
from greenroom.adapters.sealing.unpack import write_local
from greenroom.domain.command import expand
from greenroom.domain.release import Descriptor, Language, Listen, MigrationStyle, Process, Variable
from greenroom.domain.secret import Secret, redact
from greenroom.ports.artifacts import Built, CleanRoom, Say
from greenroom.ports.databases import Database, Databases

HOOKS = Path(__file__).with_name("observe")
STOP_SECONDS = 10.0
SETTLE_SECONDS = 3.0
STEADY_SECONDS = 0.5
POLL_SECONDS = 0.05
LOOK_SECONDS = 1.0
ENVIRONMENT = "clean-room"


@dataclass
class Ground:
    """The directories of one start. `release` is a copy: what the start does to it never reaches the seal."""

    work: Path
    sockets: Path
    release: Path = field(init=False)

    def __post_init__(self) -> None:
        self.release = self.work / "release"

    @property
    def notes(self) -> Path:
        return self.work / "notes" / "hook.jsonl"

    @property
    def called(self) -> Path:
        return self.work / "notes" / "programs.tsv"

    @property
    def trace(self) -> Path:
        return self.work / "notes" / "strace.txt"

    @property
    def programs(self) -> Path:
        return self.work / "programs"

    @property
    def hook(self) -> Path:
        return self.work / "hook"


@dataclass(frozen=True)
class Outcome:
    """How the start went. `output` is redacted; `why` says in words what was wrong, "" when healthy."""

    why: str
    seconds: float
    output: str


class CleanRooms:
    """Starts releases with only what they declare, on scratch databases."""

    def __init__(self, room: Room, databases: Databases, home: Home) -> None:
        self._room = room
        self._databases = databases
        self._home = home

    def start(self, built: Built, interpreter: Interpreter | None, work: Path, say: Say) -> CleanRoom:
        with ExitStack() as stack:
            ground = stack.enter_context(self._ground(work))
            stack.callback(files.remove_tree, work)
            database = self._database(stack, built.descriptor, say)
            declared = self._furnish(ground, built, interpreter, say)
            trial = Trial(self._room, ground, built.descriptor, interpreter, database, say)
            outcome = trial.carry_out()
            seen = report.Observed(
                ground.release,
                built.descriptor.language,
                declared,
                report.read_notes(ground.notes),
                shims.read_log(ground.called),
                outcome.output,
                not outcome.why,
                ground.trace,
            )
            found = report.findings(seen)
        for finding in found:
            say(f"{'missing' if finding.blocking else 'note'}: {finding}")
        say(f"clean room: {outcome.why or f'healthy after {outcome.seconds:.1f} s'}")
        ending = f"{outcome.output}\n{outcome.why}" if outcome.why else outcome.output
        return CleanRoom(not outcome.why, found, outcome.seconds, ending)

    @contextmanager
    def _ground(self, work: Path) -> Iterator[Ground]:
        files.remove_tree(work)
        work.mkdir(mode=0o711)
        work.chmod(0o711)
        sockets = Path(tempfile.mkdtemp(prefix="room-", dir=self._home.run))  # short: a socket's name has 107 bytes
        try:
            yield Ground(work, sockets)
        finally:
            files.remove_tree(sockets)

    def _database(self, stack: ExitStack, descriptor: Descriptor, say: Say) -> Database | None:
        if descriptor.services.postgres is None:
            return None
        say(f"scratch database: PostgreSQL {descriptor.services.postgres}")
        return stack.enter_context(self._databases.scratch(descriptor.services))

    def _furnish(self, ground: Ground, built: Built, interpreter: Interpreter | None, say: Say) -> Declared:
        language = builder(built.descriptor.language)
        files.copy_tree(built.root, ground.release, shared=self._room.keeps_hands_off)
        sealed = {e.path: e for e in files.scan(ground.release)}
        write_local(ground.release, language.local_files(sealed, interpreter))
        for name in ("data", "tmp", "notes"):
            (ground.work / name).mkdir()
        ground.notes.touch()
        ground.notes.chmod(0o666)
        own = {interpreter.executable.name: interpreter.executable} if interpreter else {}
        inside = frozenset(p.name for d in language.path(None) for p in (ground.release / d).glob("*") if p.is_file())
        places = (ground.work, ground.sockets, *(interpreter.needs if interpreter else ()))
        programs = inside | frozenset(own) | {"python", "python3"} if interpreter else inside
        declared = Declared.by(built.descriptor, frozenset(programs), places)
        there = shims.make_path(ground.programs, ground.called, declared, own)
        for absent in sorted(Path(e).name for e in built.descriptor.executables if Path(e).name not in there):
            say(f"note: `{absent}` is declared and not on this machine")
        _hang_hooks(ground)
        for path in (ground.work / "data", ground.work / "tmp", ground.work / "notes", ground.sockets):
            self._room.give(path)
        return declared


class Trial:
    """One start, from migration to stop."""

    def __init__(
        self,
        room: Room,
        ground: Ground,
        descriptor: Descriptor,
        interpreter: Interpreter | None,
        database: Database | None,
        say: Say,
    ) -> None:
        self._room, self._ground, self._descriptor = room, ground, descriptor
        self._interpreter, self._database, self._say = interpreter, database, say
        self._language = builder(descriptor.language)
        self._apart = room.kind != "none"
        self._port = 8000 if self._apart else _free_port()
        self._secrets: list[Secret] = [database.url] if database else []
        if database:
            self._secrets.append(Secret(urlsplit(database.url.reveal()).password or ""))
        self._env = self._environment()

    def carry_out(self) -> Outcome:
        with self._database_door() as inward:
            migrated = self._migrate(inward)
            if migrated is not None:
                return migrated
            return self._start(inward)

    def _migrate(self, inward: tuple[tuple[int, Path], ...]) -> Outcome | None:
        migration = self._descriptor.migration
        if not migration.command or migration.style not in (MigrationStyle.COMMAND, MigrationStyle.AT_START_UNLESS):
            return None
        self._say("clean room: migrating " + " ".join(migration.command))
        task = self._task(migration.command, self._env, Doors(inward))
        done = self._room.run(task, seconds=migration.timeout_seconds, watch=self._ground.work)
        if done.code == 0:
            return None
        how = done.ended_by or f"exit code {done.code}"
        return Outcome(f"the migration failed ({how})", done.seconds, self._redacted(done.output))

    def _start(self, inward: tuple[tuple[int, Path], ...]) -> Outcome:
        process = next((p for p in self._descriptor.processes if p.listen), None) or self._descriptor.processes[0]
        env = dict(self._env)
        if self._descriptor.migration.style is MigrationStyle.AT_START_UNLESS:
            env |= self._descriptor.migration.switch_off
        outward: tuple[tuple[Path, int], ...] = ()
        if process.listen is Listen.PORT and self._apart:
            outward = ((self._ground.sockets / "port", self._port),)
        self._say("clean room: starting " + " ".join(process.command))
        with self._room.open(self._task(process.command, env, Doors(inward, outward))) as running:
            why = self._await_health(process, running)
            seconds = time.monotonic() - running.began
            limit = min(process.stop_seconds, STOP_SECONDS)
            if not running.ended and not running.terminate(limit):
                self._say(f"note: {process.name} did not end within {limit:g} s of SIGTERM and was killed")
            return Outcome(why, seconds, self._redacted(running.output))

    def _await_health(self, process: Process, running: Running) -> str:
        """ "" once it is healthy; else what was wrong."""
        health = self._descriptor.health
        deadline = running.began + (health.boot_seconds if process.listen else SETTLE_SECONDS)
        last, look_at = "nobody listened", running.began + LOOK_SECONDS
        while time.monotonic() < deadline:
            if time.monotonic() >= look_at:
                if why := grown(self._ground.work, files.MAX_BYTES)():
                    return f"{process.name} wrote without end and was ended ({why})"
                look_at = time.monotonic() + LOOK_SECONDS
            if running.ended:
                how = f"exit code {running.code}" if running.code is not None else "a signal"
                return f"{process.name} ended at once ({how})"
            if process.listen:
                answer = get(self._address(process), health.path, health.request_seconds)
                if answer == health.status:
                    return self._await_steadiness(process, running)
                last = f"GET {health.path} answered {answer}, not {health.status}" if answer else last
            time.sleep(POLL_SECONDS)
        return (
            f"{process.name} did not become healthy within {health.boot_seconds:g} s: {last}" if process.listen else ""
        )

    def _await_steadiness(self, process: Process, running: Running) -> str:
        """Healthy once is not yet healthy: a process that ends right after its first answer is not."""
        until = time.monotonic() + STEADY_SECONDS
        while time.monotonic() < until:
            if running.ended:
                return f"{process.name} answered once and ended"
            time.sleep(POLL_SECONDS)
        return ""

    def _address(self, process: Process) -> Path | int:
        if process.listen is Listen.SOCKET:
            return self._ground.sockets / "app.sock"
        return self._ground.sockets / "port" if self._apart else self._port

    def _task(self, command: tuple[str, ...], env: Mapping[str, str], doors: Doors) -> Task:
        ground = self._ground
        words = expand(command, env)
        if self._descriptor.language is Language.NONE:
            words = strace.traced(words, ground.trace)
        return Task(
            words,
            env,
            ground.release,
            writable=(ground.work / "data", ground.work / "tmp", ground.work / "notes", ground.sockets),
            readable=(
                *(ground.release, ground.programs, ground.hook),
                *(self._interpreter.needs if self._interpreter else ()),
                *(p for f in self._descriptor.files if (p := Path(f)).exists() and not p.is_relative_to("/usr")),
            ),
            doors=doors,
        )

    def _environment(self) -> dict[str, str]:
        """Exactly what an environment would give it, and the hooks."""
        ground, d = self._ground, self._descriptor
        entries = [str(ground.release / p) for p in self._language.path(None)]
        language = dict(self._language.env(ground.release))
        env = {
            "PATH": os.pathsep.join([*entries, str(ground.programs)]),
            "HOME": str(ground.work / "data"),
            "TMPDIR": str(ground.work / "tmp"),
            "LANG": "C.UTF-8",
            "GREENROOM_ENVIRONMENT": ENVIRONMENT,
            "GREENROOM_RELEASE": d.version,
            "GREENROOM_SOCKET": str(ground.sockets / "app.sock"),
            "PORT": str(self._port),
            **language,
        }
        if self._database:
            env["DATABASE_URL"] = self._database.url.reveal()
        env |= {v.name: self._value(v) for v in d.variables if v.default is not None or _is_generated(v)}
        env["PYTHONPATH"] = os.pathsep.join(p for p in (str(ground.hook), env.get("PYTHONPATH", "")) if p)
        if d.language is Language.NODE:
            env["NODE_OPTIONS"] = f"--require {ground.hook / 'node_hook.js'}"
        return env

    def _value(self, variable: Variable) -> str:
        if variable.default is not None and not variable.generate:
            return variable.default
        made = Secret(secrets.token_urlsafe(32))
        self._secrets.append(made)
        return made.reveal()

    @contextmanager
    def _database_door(self) -> Iterator[tuple[tuple[int, Path], ...]]:
        """The database's own address works inside, though the room has no network."""
        where = urlsplit(self._database.url.reveal()) if self._database else None
        if where is None or not where.port or not self._apart:
            yield ()
            return
        door = self._ground.sockets / "db"
        with forwarded(door, (where.hostname or "127.0.0.1", where.port)):
            self._room.give(self._ground.sockets)
            yield ((where.port, door),)

    def _redacted(self, output: str) -> str:
        return redact(output, self._secrets)


def _is_generated(variable: Variable) -> bool:
    return variable.generate or variable.secret or variable.required


def _hang_hooks(ground: Ground) -> None:
    ground.hook.mkdir()
    shutil.copyfile(HOOKS / "python_hook.py", ground.hook / "sitecustomize.py")
    (ground.hook / "greenroom-room.json").write_text(json.dumps({"log": str(ground.notes)}))
    script = (HOOKS / "node_hook.js").read_text().replace('"GREENROOM_ROOM_LOG"', json.dumps(str(ground.notes)))
    (ground.hook / "node_hook.js").write_text(script)
    for path in (ground.hook, *ground.hook.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
