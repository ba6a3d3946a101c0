"""Where processes live. The application must not notice that Greenroom stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from greenroom.domain.release import Descriptor, Listen
from greenroom.domain.secret import Secret


@dataclass(frozen=True)
class Place:
    """An environment's own ground on this machine, made by `Runtime.prepare`.

    Applications may write to `data` (kept), `tmp` and `sockets`; the release itself is read-only.
    """

    environment: str
    data: Path
    tmp: Path
    sockets: Path  # short path: a unix socket's name has 107 bytes at most
    logs: Path
    user: str  # operating-system user that runs the application; the caller's own when not root


@dataclass(frozen=True)
class Unpacked:
    """A verified release laid out read-only on this machine. `path_entries` are put before the system's PATH."""

    digest: str
    root: Path
    descriptor: Descriptor
    path_entries: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # what the language needs, e.g. PYTHONPATH
    needs: tuple[Path, ...] = ()  # host directories its interpreter lives in; the sandbox shows them read-only


@dataclass(frozen=True)
class Fence:
    """With which claim somebody acts on an environment: its fencing token."""

    environment: str
    token: int


@dataclass(frozen=True)
class InstanceSpec:
    """One process to keep running. `id` is the idempotency key: starting the same id twice starts it once."""

    id: str
    place: Place
    release: Unpacked
    command: tuple[str, ...]
    env: Mapping[str, str | Secret]
    listen: Listen | None
    dial: str  # "unix//path" or "127.0.0.1:port"; "" when it does not listen
    stop_seconds: float = 30.0


class InstanceState(StrEnum):
    RUNNING = "running"
    BACKING_OFF = "backing_off"  # it exited and will be started again
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Instance:
    """What the keeper says of an instance. `exits` counts how often it ended by itself."""

    id: str
    state: InstanceState
    pid: int | None = None
    exits: int = 0
    last_exit: str = ""  # "exit code 3" or "signal 9"
    log: Path | None = None


@dataclass(frozen=True)
class Finished:
    """A command that ended. `code` is None when a signal or the time limit ended it; then `ended_by` says which."""

    code: int | None
    ended_by: str
    output: str  # the last 64 KiB of stdout and stderr, secrets redacted
    seconds: float


class Runtime(Protocol):
    """Who starts or stops says with which claim. Where somebody came with a greater token it raises Refused
    (`runtime.stale_token`) and does nothing: whoever was paused between making sure of its lease and asking for
    something may ask for it hours later."""

    def prepare(self, environment: str) -> Place:
        """Make the environment's directories and user. Idempotent."""

    def start(self, spec: InstanceSpec, *, fence: Fence) -> Instance:
        """Keep the process running from now on, restarted with back-off when it ends. Idempotent under `spec.id`.

        Raises Errored (`runtime.unavailable`) when the keeper cannot be reached.
        """

    def stop(self, instance_id: str, *, seconds: float, fence: Fence) -> None:
        """SIGTERM, then SIGKILL after `seconds`; returns when it is gone and forgotten. Unknown ids are fine."""

    def rank(self, instance_id: str, *, stands_back: bool, fence: Fence) -> None:
        """The instance takes the processor's time that visitors leave, or again its share: what its processes are now,
        and what they start. One that ended by itself is started again with its share. Where that could not be taken
        back (without root) nothing happens; unknown ids are fine."""

    def fence(self, environment: str) -> int:
        """The greatest token that anybody came with for it; 0 when nobody did."""

    def instance(self, instance_id: str) -> Instance:
        """What is known now; `UNKNOWN` for an id never started or stopped."""

    def instances(self, environment: str | None = None) -> list[Instance]:
        """All kept instances, of one environment or of all."""

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
        """Run a command of the release to its end, in the same sandbox and user as its processes.

        One that `stands_back` takes the processor's time that visitors leave: not for what holds locks they wait for.

        Of what it writes, neither the secrets in `env` nor those in `hide` reach anybody, nor its log.

        The whole process tree dies with the caller's process, after `seconds`, or when `cancelled` says so.
        """

    def free_port(self, environment: str) -> int:
        """A TCP port on 127.0.0.1 that nobody listens on, from Greenroom's range."""

    def wake(self) -> None:
        """What ran before everything of Greenroom died, and died too, is started again. To be said once whatever limits
        it is in force; idempotent."""

    def answers(self) -> bool:
        """True if what keeps processes running is there now. It only looks: nothing is started by asking."""

    def isolation(self) -> str:
        """In words: what separates environments on this machine, and what is missing."""
