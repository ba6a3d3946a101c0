"""The control plane as a process: it takes over where the last one stopped, works, and answers on loopback."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from greenroom.adapters.home import Home
from greenroom.adapters.listeners import who_listens
from greenroom.adapters.telemetry import logs
from greenroom.api.app import create_app
from greenroom.bootstrap import PROJECT_FILE, Control, build
from greenroom.config.load import load
from greenroom.domain.disk import disk_full, is_full
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused
from greenroom.domain.roles import SYSTEM, Role
from greenroom.ports.telemetry import Traces
from greenroom.services import accounts, policy
from greenroom.services.custody import Custodian
from greenroom.services.egress import Guard
from greenroom.services.follow import Follower
from greenroom.services.recovery import recover, visitors_wait
from greenroom.services.status import MOST_UNFINISHED, UNFINISHED
from greenroom.services.telling import Teller
from greenroom.store import records

log = structlog.get_logger(__name__)

HELD_SECONDS = 60.0
"""How long a stop waits for visitors who are held: as long as the edge holds one of their requests."""
RECOVERY_SECONDS = 10.0
POLICY_SECONDS = 1.0
KEEPER_SECONDS = 1.0

OWNER = "owner"
OWNER_ROLES = [Role.ADMINISTRATOR, Role.DEVELOPER, Role.ENGINEER, Role.OPERATOR, Role.TESTER]
"""What the owner of the home may do. Approving what one made stays impossible: that takes a second person."""


def serve(home_root: Path) -> None:
    """Run until told to stop. One at a time per home: raises Refused (`control_plane.running`).

    Raises BadInput (`api.port_taken`, `policy.absent`), Refused (`home.other_project`), and what opening the store
    raises.
    """
    home = Home.at(home_root)
    with _only_one(home):
        first = _first_policy(home)
        wanted = load(first["text"]) if first else None
        control = build(home, first=wanted)
        served = control.world.project().project
        if wanted and wanted.project != served:
            raise other_project(home.root, wanted.project, served)
        logs.configure(control.app.tally.logged)
        with _listening(control.world.project().api_port) as listener:
            if first and not _has_policy(control):
                policy.apply(control.app, SYSTEM, first["text"], first["repository"])
            control.world.edge.configure(policy.sites(control.world.project()))
            write_private(_project_file(home.root), json.dumps({"project": served}))
            _grant_owner(home, control, listener.getsockname()[1])
            _run(control, listener)


def _run(control: Control, listener: socket.socket) -> None:
    api = create_app(control.app, hook_key=_hook_key(control.home))
    server = uvicorn.Server(uvicorn.Config(api, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    told = _told_to_stop(server)
    hands = Hands(control)
    hands.start()
    log.info("serving", url=_url(listener.getsockname()[1]))
    try:
        server.run(sockets=[listener])
    finally:
        seen = len(told)
        hands.stop(hurry=lambda: len(told) > seen)
        log.info("stopped")


def _told_to_stop(server: uvicorn.Server) -> list[int]:
    """The signals that asked for an end, as they come. The server raises them again once it has ended; without this
    they would end the process before its work is handed over."""
    told: list[int] = []

    def note(number: int, frame: object) -> None:
        told.append(number)
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return told


class Hands:
    """What works behind the API. The API answers at once; work goes on when all that should run runs again."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._follower = Follower(control.app)
        self._teller = Teller(control.app, _traces(control.home), control.home.logs / "told.json")
        self._custodian = Custodian(control.app)
        self._guard = Guard(control.app)
        self._stop = threading.Event()
        self._began = False
        self._thread = threading.Thread(target=self._begin, name="recovery", daemon=True)
        self._watch = threading.Thread(target=self._watch_policy, name="policy", daemon=True)
        self._look_after = threading.Thread(target=self._watch_keeper, name="keeper", daemon=True)

    def start(self) -> None:
        self._teller.start()
        self._thread.start()
        self._look_after.start()
        if not self._control.world.store.database.is_sqlite:  # others may apply a configuration in the same store
            self._watch.start()

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """End at the next step boundary; before, let visitors go on whom work under way holds, unless told to hurry."""
        self._follower.stop()
        self._custodian.stop()
        self._guard.stop()
        self._stop.set()
        self._thread.join(RECOVERY_SECONDS)
        if self._began:
            try:
                _let_visitors_go_on(self._control, hurry)
            finally:
                self._control.engine.stop()
        self._teller.stop()

    def _begin(self) -> None:
        world = self._control.world
        for part in (lambda: recover(self._control.app), world.databases.sweep, world.clones.sweep, self._sweep):
            try:  # what visitors reach comes first, and nothing that is left over keeps anything else from its turn
                part()
            except Exception:
                log.exception("recovery.broke")
        if not self._stop.is_set():
            self._began = True
            self._control.engine.start()
            self._follower.start()
            self._custodian.start()
            self._guard.start()

    def _sweep(self) -> None:
        """What work left that ended goes; what work that has not ended may need stays."""
        world = self._control.world
        with world.store.database.reading() as tx:
            found = world.store.works.find(tx, states=UNFINISHED, limit=MOST_UNFINISHED)
        if len(found) == MOST_UNFINISHED:  # there may be more, and nothing of theirs may go
            return
        unfinished = {w.id for w in found}
        world.vault.sweep(unfinished)
        world.candidates.sweep(unfinished)

    def _watch_keeper(self) -> None:
        """The keeper keeps us, and we the keeper: without one nothing that dies would be started again."""
        while not self._stop.wait(KEEPER_SECONDS):
            try:
                self._control.keeper.ping()
            except Exception as e:  # noqa: BLE001 - it is looked for again
                log.warning("keeper.unavailable", error=f"{type(e).__name__}: {e}")

    def _watch_policy(self) -> None:
        while not self._stop.wait(POLICY_SECONDS):
            try:
                self._control.world.project.refresh()
            except Exception as e:  # noqa: BLE001 - what is in force stays so until the store answers again
                log.warning("policy.not_read", error=f"{type(e).__name__}: {e}")


def _traces(home: Home) -> Traces:
    """Imported here: it costs a tenth of a second, which `greenroom up` and `down` need not pay."""
    from greenroom.adapters.telemetry.otel import traces_of

    return traces_of(os.environ, home.logs)


def _let_visitors_go_on(control: Control, hurry: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HELD_SECONDS
    waiting: list[str] = []
    while not hurry() and time.monotonic() < deadline:
        found = visitors_wait(control.app)
        if not found:
            return
        if found != waiting:
            waiting = found
            log.info("stopping.visitors_wait", environments=found, seconds=HELD_SECONDS)
        time.sleep(0.1)
    log.error("stopped.while_visitors_wait", environments=visitors_wait(control.app), hint="greenroom up goes on")


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    handle = os.open(home.private / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        os.close(handle)
        raise Refused(
            "control_plane.running", f"a control plane works on {home.root} already", hint="greenroom status asks it"
        ) from e
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as e:
        listener.close()
        raise BadInput(
            "api.port_taken",
            f"the control plane cannot listen on 127.0.0.1:{port}",
            because=f"{who_listens(port)} has it" if e.errno == errno.EADDRINUSE else str(e),
            hint="stop that process, or set another port under api/port in greenroom.yaml",
        ) from e
    try:
        yield listener
    finally:
        listener.close()


def _first_policy(home: Home) -> dict[str, str] | None:
    """What `up` left for a home without configuration; used once, the store is where it stays."""
    path = home.private / "first-policy.json"
    return json.loads(path.read_text()) if path.exists() else None


def project_of(root: Path) -> str | None:
    """The project that the home in `root` serves, also while its control plane is down; None before its first start."""
    try:
        return str(json.loads(_project_file(root).read_text())["project"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def other_project(root: Path, wanted: str, served: str) -> Refused:
    """The answer to `up` in a repository of `wanted` with a home that serves another project."""
    return Refused(
        "home.other_project",
        f"{root} is not a home for {wanted}",
        because=f"this home serves {served}, and a home serves one project; nothing was started or changed",
        hint="unset GREENROOM_HOME, or name another home with --home",
        facts={"home": str(root), "project": served, "wanted": wanted},
    )


def _project_file(root: Path) -> Path:
    return root / "private" / PROJECT_FILE


def _has_policy(control: Control) -> bool:
    with control.world.store.database.reading() as tx:
        return records.newest_policy(tx) is not None


def _grant_owner(home: Home, control: Control, port: int) -> None:
    """The local token: whoever can read the home's private directory owns it."""
    path = home.private / "api.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with control.world.store.database.reading() as tx:
        there = OWNER in {a["name"] for a in records.accounts(tx)}
    if not there or accounts.authenticate(control.app, known.get("token", "")) is None:
        known["token"] = accounts.add(control.app, SYSTEM, OWNER, [r.value for r in OWNER_ROLES]).reveal()
    known["url"] = _url(port)
    write_private(path, json.dumps(known))


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _hook_key(home: Home) -> bytes:
    path = home.private / "hook.key"
    if not path.exists():
        write_private(path, os.urandom(32).hex())
    return bytes.fromhex(path.read_text())


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def main(home_root: str) -> int:
    """As the keeper starts it. Why it could not start is left where `up` looks."""
    logs.configure()
    home = Home.at(Path(home_root))
    try:
        serve(home.root)
    except (GreenroomError, OSError) as e:
        if not isinstance(e, GreenroomError) and not is_full(e):
            raise
        said = e if isinstance(e, GreenroomError) else full(home.root, e)
        log.error("serve.failed", **said.as_dict())  # noqa: TRY400 - the error says it all
        write_private(failure_file(home), json.dumps(said.as_dict()))
        return said.exit_code
    return 0


def full(root: Path, error: OSError) -> Errored:
    """The disk of the home takes nothing more."""
    return disk_full(str(root), str(error), "then greenroom up; what runs goes on meanwhile")


def failure_file(home: Home) -> Path:
    """Why the control plane could not start; beside the sockets, because the disk of the home may be why."""
    return home.run / "serve-failed.json"


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1]))
