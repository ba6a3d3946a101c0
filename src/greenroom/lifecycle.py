"""Bringing Greenroom up on this machine, and down again."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.clock import CLOCK_VARIABLE, SystemClock
from greenroom.adapters.egress.nftables import NftEgress
from greenroom.adapters.home import Home
from greenroom.adapters.runtimes.process import ProcessRuntime
from greenroom.config.difference import policy_difference
from greenroom.config.load import FILE_NAME, load, read_file
from greenroom.config.project import ProjectConfig
from greenroom.domain.disk import is_full
from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused, from_dict
from greenroom.domain.names import NAME
from greenroom.keeper.client import KeeperClient, ensure_keeper, left_behind
from greenroom.keeper.spec import Spec
from greenroom.serving import HELD_SECONDS, failure_file, full, other_project, project_of, serve, write_private

__all__ = ["default_home", "down", "serve", "up"]

CONTROL_PLANE = "control-plane"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANSWER_SECONDS = 30.0

Say = Callable[[str], None]


def default_home(project: str) -> Path:
    """Where a project's home is unless told otherwise: /var/lib for root, the user's state directory else."""
    if os.getuid() == 0:
        return Path("/var/lib/greenroom") / project
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(state) / "greenroom" / project


def up(repository: Path, home_root: Path | None, say: Say) -> dict[str, Any]:
    """Start keeper and control plane, apply the configuration of a new home, return when the API answers.

    Told are the addresses in force, and whether the file here differs from what is. Idempotent; two at once take turns.
    Raises Refused (`home.other_project`) before anything starts or changes, BadInput for a configuration that is wrong,
    and whatever kept the control plane from starting: then nothing that this call started is left.
    """
    try:
        return _up(repository.absolute(), home_root, say)
    except OSError as e:
        if not is_full(e):
            raise
        raise full(home_root or Path(str(e.filename or "the home")), e) from e


def _up(repository: Path, home_root: Path | None, say: Say) -> dict[str, Any]:
    text, config = _configuration(repository)
    root = (home_root or default_home(config.project)).absolute()
    _refuse_other_project(root, config.project, project_of(root))
    home = Home.at(root)
    with _turn(home, say), _keeper(home) as keeper:
        if not _answers(home):
            say("starting the control plane")
            _start(home, keeper, text, repository)
        url, applied = _in_force(home)
        _refuse_other_project(root, config.project, applied.project)  # another `up` was first
    differs = policy_difference(applied, config)
    if differs:
        say(f"{FILE_NAME} here differs from what is in force: greenroom apply --dry-run shows how")
    return {
        "project": applied.project,
        "home": str(home.root),
        "url": url,
        "isolation": ProcessRuntime(home, keeper, applied.project).isolation(),
        "environments": [{"name": e.name, "url": f"http://127.0.0.1:{e.port}"} for e in applied.environments if e.runs],
        "differs": bool(differs),
    }


def down(home_root: Path, say: Say, *, applications: bool = True, patience: float = HELD_SECONDS) -> dict[str, Any]:
    """Stop the control plane; with `applications` also everything it keeps: the edge first, databases last.

    What a keeper left that died is ended too. Without, applications and the edge go on serving under the keeper;
    visitors who are held for a migration are waited for, and Refused (`control_plane.visitors_wait`) is raised when
    they still wait after `patience` seconds.
    """
    if not (home_root / "private").is_dir():
        raise BadInput("home.absent", f"there is no Greenroom in {home_root}", hint="greenroom up makes one")
    home = Home.at(home_root)
    keeper = KeeperClient(home.keeper)
    stopped: list[str] = []
    if not keeper.answers() and left_behind(home.keeper):
        say("the keeper is gone; another takes over what it kept")
        ensure_keeper(home.keeper, at_rest=True)  # what died is not started to be ended
    try:
        names = [s.name for s in keeper.all()]
    except OSError:
        say("nothing was running")
        return {"home": str(home.root), "stopped": stopped}
    if not applications and CONTROL_PLANE in names:
        _let_visitors_go_on(home, keeper, say, patience)
    for name in _in_order(names, applications):
        say(f"stopping {name}")
        # With everything else it need not wait for visitors: the edge goes too.
        keeper.stop(name, seconds=STOP_SECONDS if applications and name == CONTROL_PLANE else None)
        stopped.append(name)
    if applications:
        keeper.shutdown(stop_children=True)
        _lift_limits(home)
    else:
        keeper.wake()
    return {"home": str(home.root), "stopped": stopped}


def _lift_limits(home: Home) -> None:
    """Nothing of ours runs any more, so nothing of ours stays in the kernel. `up` sets the rules before it starts
    anything."""
    NftEgress(home, project_of(home.root) or "", SystemClock()).lift()


def _let_visitors_go_on(home: Home, keeper: KeeperClient, say: Say, patience: float) -> None:
    deadline = time.monotonic() + patience
    told: list[str] = []
    while waiting := _held(home, keeper):
        if waiting != told:
            say(f"visitors of {', '.join(waiting)} wait for work that is under way; waiting until they go on")
            told = waiting
        if time.monotonic() > deadline:
            raise Refused(
                "control_plane.visitors_wait",
                f"visitors of {', '.join(waiting)} are held, and would be until greenroom up",
                because=f"the work that holds them has not let them go on within {patience:.0f} s; nothing was stopped",
                hint="greenroom status shows it: wait, cancel or resume it; greenroom down stops everything at once",
            )
        time.sleep(0.1)


def _held(home: Home, keeper: KeeperClient) -> list[str]:
    """Environments whose requests wait at the edge, from its own files: nobody needs to answer for that."""
    edge = CaddyEdge(home, keeper, "", edge_port=0, clock=SystemClock(), run_as=None)
    names = sorted(p.name for p in home.environments.iterdir() if NAME.fullmatch(p.name))
    found = ((name, edge.pointer(name)) for name in names)
    return [name for name, pointer in found if pointer is not None and pointer.dial is None]


def _in_order(names: list[str], applications: bool) -> list[str]:
    """Control plane, edge, applications, then the rest: databases, which applications need to end well."""

    def place(name: str) -> int:
        return [name == CONTROL_PLANE, name == "edge", name.startswith("app/"), True].index(True)

    ordered = sorted(names, key=place)
    return ordered if applications else [n for n in ordered if n == CONTROL_PLANE]


def _configuration(repository: Path) -> tuple[str, ProjectConfig]:
    path = repository / FILE_NAME
    text = read_file(path)
    return text, load(text, str(path))


def _refuse_other_project(root: Path, wanted: str, served: str | None) -> None:
    if served is not None and served != wanted:
        raise other_project(root, wanted, served)


@contextmanager
def _keeper(home: Home) -> Iterator[KeeperClient]:
    """A keeper runs. When the block fails, one that was started for it and keeps nothing ends again.

    Where no control plane answers either it begins at rest: applications that died must not start before the rules of
    their network stand, which the control plane sets. Who is not root sets none, and nothing has to wait for them.
    """
    keeper = KeeperClient(home.keeper)
    was_there = keeper.answers()
    ensure_keeper(home.keeper, at_rest=os.geteuid() == 0 and not _answers(home))
    try:
        yield keeper
    except BaseException:
        if not was_there:
            with suppress(OSError):  # it is gone already
                if not keeper.all():
                    keeper.shutdown(stop_children=False)
        raise


def _in_force(home: Home) -> tuple[str, ProjectConfig]:
    """Where the control plane answers, and the configuration in force there. Raises what it answers instead, and
    Errored (`control_plane.silent`)."""
    known = json.loads((home.private / "api.json").read_text())
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        f"{known['url']}/api/v1/policy", headers={"Authorization": f"Bearer {known['token']}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return known["url"], load(json.loads(answer.read())["text"])
    except urllib.error.HTTPError as e:
        raise from_dict(json.loads(e.read())) from e
    except (OSError, ValueError, LookupError, TypeError) as e:  # what answers may be another program by now
        raise Errored(
            "control_plane.silent",
            f"what answers at {known['url']} does not say which configuration is in force",
            because=f"{type(e).__name__}: {e}",
            hint=f"see who listens there; the control plane's log is {home.logs / 'control-plane.log'}",
        ) from e


@contextmanager
def _turn(home: Home, say: Say) -> Iterator[None]:
    """One `up` at a time; a second waits and then finds everything running."""
    handle = os.open(home.private / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another greenroom up is under way; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _start(home: Home, keeper: KeeperClient, text: str, repository: Path) -> None:
    failed = failure_file(home)
    failed.unlink(missing_ok=True)
    write_private(home.private / "first-policy.json", json.dumps({"text": text, "repository": str(repository)}))
    keeper.stop(CONTROL_PLANE)
    keeper.start(
        Spec(
            name=CONTROL_PLANE,
            argv=[sys.executable, "-m", "greenroom.serving", str(home.root)],
            cwd=str(home.root),
            log=str(home.logs / "control-plane.log"),
            env=_environment(),
            umask=0o022,  # releases are read by other users; what is private says so file by file
            stop_seconds=HELD_SECONDS + STOP_SECONDS,
            first_wait=0.1,  # visitors may be held by work that it carries out
            longest_wait=10.0,
        )
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _answers(home):
            (home.private / "first-policy.json").unlink(missing_ok=True)
            return
        if failed.exists():
            keeper.stop(CONTROL_PLANE)
            raise _told(failed)
        time.sleep(0.05)
    raise Errored(
        "control_plane.silent",
        f"the control plane did not answer within {START_SECONDS:.0f} s",
        hint=f"its log is {home.logs / 'control-plane.log'}",
    )


PASSED_ON = ("PATH", "HOME", "TZ", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "GREENROOM_STORE", CLOCK_VARIABLE)
PASSED_ON_PREFIXES = (
    "OTEL_", "PIP_", "UV_", "NPM_CONFIG_", "npm_config_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "GREENROOM_CRASH_"
)  # fmt: skip


def _environment() -> dict[str, str]:
    """What the control plane gets of the caller's environment: where programs and package registries are."""
    return {
        k: v
        for k, v in os.environ.items()
        if k in PASSED_ON or k.upper().startswith(PASSED_ON_PREFIXES) or k.startswith(PASSED_ON_PREFIXES)
    }


def _answers(home: Home) -> bool:
    """True if the control plane of this home answers."""
    try:
        url = json.loads((home.private / "api.json").read_text())["url"]
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (OSError, ValueError, KeyError):
        return False


def _told(failed: Path) -> GreenroomError:
    """What the control plane said of why it could not start."""
    return from_dict(json.loads(failed.read_text()))
