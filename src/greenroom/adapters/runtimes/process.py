"""Applications as processes of this machine: kept by the keeper, sandboxed by bubblewrap where it works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from greenroom.adapters.courtesy import STANDS_BACK, nicely
from greenroom.adapters.home import Home, readable_by_all
from greenroom.adapters.runtimes import place as ground
from greenroom.adapters.runtimes import ports, sandbox, users
from greenroom.adapters.runtimes.running import Limits, reaper_argv, run_to_end
from greenroom.domain.command import checked_command, checked_file_name
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.secret import Secret, revealed
from greenroom.keeper import spec as kept
from greenroom.keeper.ranks import can_be_taken_back
from greenroom.keeper.spec import Keeper, KeeperRefused, KeeperUnavailable, Spec, SpecDiffers, StaleFence, Status
from greenroom.ports.runtime import Fence, Finished, Instance, InstanceSpec, InstanceState, Place, Unpacked

UMASK = 0o007  # the proxy's group may connect to sockets; nobody else may anything
SOCKET_BYTES = 107  # unix(7)
PREFIX = "app/"  # tells our names in the keeper from those of databases and the proxy

_STATES = {
    "running": InstanceState.RUNNING,
    "stopping": InstanceState.RUNNING,
    "backing-off": InstanceState.BACKING_OFF,
    "stopped": InstanceState.STOPPED,
}


class ProcessRuntime:
    """`Runtime` over the keeper. `bwrap` None does without a sandbox; `isolation` says what that means."""

    def __init__(self, home: Home, keeper: Keeper, project: str, bwrap: Path | str | None = "auto") -> None:
        self._home = home
        self._keeper = keeper
        self._project = project
        self._bwrap, self._why_not = sandbox.find(bwrap)

    def prepare(self, environment: str) -> Place:
        return ground.prepare(self._home, self._project, environment)

    def start(self, spec: InstanceSpec, *, fence: Fence) -> Instance:
        name = _name(spec.id)
        with _keeper_errors():
            known = self._keeper.status(name)
            if known.state in ("unknown", "stopping"):
                known = self._start(self._kept(spec), name, fence)
        return _instance(spec.id, known)

    def stop(self, instance_id: str, *, seconds: float, fence: Fence) -> None:
        with _keeper_errors():
            self._keeper.stop(_name(instance_id), seconds=seconds, fence=_scoped(fence))

    def rank(self, instance_id: str, *, stands_back: bool, fence: Fence) -> None:
        with _keeper_errors():
            self._keeper.rank(_name(instance_id), stands_back=stands_back, fence=_scoped(fence))

    def fence(self, environment: str) -> int:
        with _keeper_errors():
            return self._keeper.fences().get(environment, 0)

    def instance(self, instance_id: str) -> Instance:
        with _keeper_errors():
            return _instance(instance_id, self._keeper.status(_name(instance_id)))

    def instances(self, environment: str | None = None) -> list[Instance]:
        with _keeper_errors():
            ours = [s for s in self._keeper.all() if s.name.startswith(PREFIX)]
        return [
            _instance(s.name.removeprefix(PREFIX), s)
            for s in ours
            if environment is None or self._environment_of(s) == environment
        ]

    def run(
        self,
        place: Place,
        release: Unpacked,
        command: tuple[str, ...],
        env: Mapping[str, str | Secret],
        *,
        seconds: float,
        log_name: str,
        on_line: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        hide: Iterable[Secret] = (),
        stands_back: bool = False,
    ) -> Finished:
        checked_file_name(log_name, "log")
        is_ranked = stands_back and can_be_taken_back()
        nice = STANDS_BACK if stands_back and not is_ranked else 0
        outer, words = self._words(place, release, command, env, dies=True, nice=nice)
        options = [] if self._bwrap else self._user_options(place)
        return run_to_end(
            words,
            outer,
            limits=Limits(seconds, cancelled),
            log=place.logs / log_name,
            secrets=[*(v for v in env.values() if isinstance(v, Secret)), *hide],
            on_line=on_line,
            cwd=release.root,
            options=["--umask", f"{UMASK:o}", *options],
            stands_back=is_ranked,
        )

    def free_port(self, environment: str) -> int:
        return ports.free_port(self._home.private / "ports.json", environment)

    def wake(self) -> None:
        with _keeper_errors():
            self._keeper.wake()

    def answers(self) -> bool:
        return self._keeper.answers()

    def isolation(self) -> str:
        apart = (
            "each environment has an operating-system user of its own"
            if users.can_separate()
            else "all environments run as one operating-system user, because Greenroom is not root"
        )
        if self._bwrap:
            return (
                f"{apart}; each process runs under bubblewrap ({self._bwrap}) and sees its release read-only, its own "
                "data, sockets and /tmp, the system's programs, and no other process; the network is shared"
            )
        lacking = "processes see the machine's files and each other, and share /tmp"
        if not users.can_separate():
            lacking += "; an environment can read and signal another's processes and data"
        return f"{apart}; no sandbox: {self._why_not}: {lacking}; the network is shared"

    def _start(self, spec: Spec, name: str, fence: Fence) -> Status:
        try:
            return self._keeper.start(spec, fence=_scoped(fence))
        except SpecDiffers:  # somebody started this id between our question and our request: once is enough
            return self._keeper.status(name)

    def _kept(self, spec: InstanceSpec) -> Spec:
        outer, words = self._words(spec.place, spec.release, spec.command, spec.env, dies=False)
        if not self._bwrap:
            options = ("--info-fd", "{info_fd}", "--umask", f"{UMASK:o}", *self._user_options(spec.place))
            words = (*reaper_argv(*options), *words)
        return Spec(
            _name(spec.id),
            words,
            cwd=str(spec.release.root),
            log=str(spec.place.logs / f"{spec.id}.log"),
            env=outer,
            umask=UMASK,
            stop_seconds=spec.stop_seconds,
            info_fd=True,
            sockets=self._sockets(spec),
        )

    def _words(
        self,
        place: Place,
        release: Unpacked,
        command: tuple[str, ...],
        given: Mapping[str, str | Secret],
        *,
        dies: bool,
        nice: int = 0,
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """The environment and the words to execute: the command with its variables replaced, in its sandbox."""
        env = self._environment(place, release, given)
        words = checked_command(command, env)
        outer, prefix = sandbox.loader_prefix(env)
        words = (*nicely((*prefix, *words), nice),)
        if self._bwrap is None:
            return outer, words
        seen = sandbox.Sandbox(
            read_only=(release.root, *release.needs, *self._declared_files(release)),
            writable=(place.data, place.sockets),
            cwd=release.root,
            tmp=place.tmp,
            files=ground.identity_files(place),
            identity=ground.identity(self._home, self._project, place.environment),
            die_with_parent=dies,
            hostname=place.environment,
        )
        return outer, sandbox.bwrap_argv(self._bwrap, seen, words, info_fd=None if dies else "{info_fd}")

    def _environment(self, place: Place, release: Unpacked, given: Mapping[str, str | Secret]) -> dict[str, str]:
        path = ":".join([*map(str, release.path_entries), sandbox.SYSTEM_PATH])
        tmp = "/tmp" if self._bwrap else str(place.tmp)  # noqa: S108 - private to the sandbox
        own = {"PATH": path, "HOME": str(place.data), "TMPDIR": tmp, "LANG": "C.UTF-8"}
        return {**own, **release.env, **revealed(given)}

    def _user_options(self, place: Place) -> list[str]:
        who = ground.identity(self._home, self._project, place.environment)
        return [] if who is None else ["--user", f"{who.uid}:{who.gid}:{','.join(map(str, who.groups))}"]

    def _declared_files(self, release: Unpacked) -> Iterator[Path]:
        """What the release says it reads outside itself; nothing that its user could not read without a sandbox."""
        for text in release.descriptor.files:
            path = Path(text)
            if not path.is_absolute() or not path.exists():
                continue
            real = path.resolve()
            ours = any(real.is_relative_to(d) or d.is_relative_to(real) for d in (self._home.root, self._home.run))
            if ours or not readable_by_all(real):
                raise Refused(
                    "runtime.file_private",
                    f"the release declares {text}, which not every user of this machine may read",
                    hint="take it out of `files`, or make it readable",
                )
            yield path

    def _sockets(self, spec: InstanceSpec) -> tuple[str, ...]:
        if not spec.dial.startswith("unix/"):
            return ()
        path = Path(spec.dial.removeprefix("unix/"))
        if path.parent != spec.place.sockets or len(str(path).encode()) > SOCKET_BYTES:
            raise BadInput(
                "runtime.socket_path",
                f"{path} cannot be the socket of {spec.id}",
                because=f"it lies in {spec.place.sockets} and has at most {SOCKET_BYTES} bytes",
                hint="choose a home with a shorter path",
            )
        return (str(path),)

    def _environment_of(self, status: Status) -> str:
        """The log lies in the environment's directory: `start` put it there."""
        log = Path(status.log)
        return log.relative_to(self._home.environments).parts[0] if log.is_relative_to(self._home.environments) else ""


def _scoped(fence: Fence) -> kept.Fence:
    return kept.Fence(fence.environment, fence.token)


def _name(instance_id: str) -> str:
    return PREFIX + checked_file_name(instance_id, "instance")


def _instance(instance_id: str, status: Status) -> Instance:
    state = _STATES.get(status.state, InstanceState.UNKNOWN)
    log = Path(status.log) if status.log else None
    return Instance(instance_id, state, status.pid, status.exits, status.last_exit, log)


@contextmanager
def _keeper_errors() -> Iterator[None]:
    try:
        yield
    except KeeperUnavailable as error:
        raise Errored(
            "runtime.unavailable", "the keeper does not answer", because=str(error), hint="greenroom up starts it"
        ) from error
    except StaleFence as error:
        raise Refused(
            "runtime.stale_token",
            "somebody came later to start and stop processes there",
            because=str(error),
            hint="nothing is to be done: a worker that had lost its claim was kept from it",
        ) from error
    except KeeperRefused as error:
        raise Errored(
            "runtime.refused",
            "the keeper does not do this",
            because=str(error),
            hint="greenroom down ends a keeper of another version, greenroom up starts one of this",
        ) from error
