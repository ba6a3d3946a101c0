"""What the keeper is told, and what it says: the one vocabulary of its client, its server and its users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Spec:
    """A process to keep running. `name` is unique; starting an equal spec twice starts it once.

    The process gets exactly `env`, no inherited descriptor, `log` as stdout and stderr (rotated), its own session.
    As root the keeper drops to `uid`, `gid` and `groups` before it executes anything of the process.
    """

    name: str
    argv: Sequence[str]
    cwd: str
    log: str
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] = ()
    umask: int = 0o027
    stop_signal: str = "SIGTERM"
    stop_seconds: float = 30.0
    restart: bool = True
    log_bytes: int = 10_000_000  # rotate beyond this size
    log_keep: int = 3
    info_fd: bool = False  # the word `{info_fd}` in argv is a descriptor; signals go to the `child-pid` written there
    first_wait: float = 0.5  # seconds before it is started again after it ended once; doubled for every further end
    longest_wait: float = 60.0
    sockets: Sequence[str] = ()  # unix sockets it binds: a stale file of that name is removed before every start


@dataclass(frozen=True)
class Status:
    """What the keeper knows of a process. `state`: running, backing-off, stopping, stopped, unknown."""

    name: str
    state: str
    pid: int | None = None
    started_at: float | None = None  # seconds since the epoch
    exits: int = 0
    last_exit: str = ""
    log: str = ""


@dataclass(frozen=True)
class Fence:
    """With which claim somebody acts: `token` grows with each claim on `scope`. None of it is known: not fenced."""

    scope: str
    token: int


class Keeper(Protocol):
    """The calls of `KeeperClient`. All raise `KeeperUnavailable` (an OSError) when no keeper answers.

    The highest token of each scope is remembered for as long as the machine runs. Who comes with a lower `fence` was
    overtaken: `StaleFence` is raised and nothing is done.
    """

    def start(self, spec: Spec, *, fence: Fence | None = None) -> Status:
        """Returns when it was executed, or could not be (`last_exit` says why, and it is tried again with back-off).

        Idempotent for an equal spec. Raises `SpecDiffers` when the name is kept with another one.
        """

    def stop(self, name: str, *, seconds: float | None = None, fence: Fence | None = None) -> Status:
        """Signal, wait, kill; returns when it is gone and forgotten; `last_exit` says how. Unknown names are fine."""

    def fences(self) -> dict[str, int]:
        """The highest token of each scope that anybody came with."""

    def signal(self, name: str, signal: str) -> None: ...

    def rank(self, name: str, *, stands_back: bool, fence: Fence | None = None) -> None:
        """All of it takes the processor's time that others leave, or has its share again. One that ended is started
        again with its share. Where that could not be taken back nothing happens; unknown names are fine."""

    def status(self, name: str) -> Status: ...

    def all(self) -> list[Status]: ...

    def wake(self) -> None:
        """Start what rests: a keeper that `greenroom up` started where none was has started nothing yet."""

    def answers(self) -> bool:
        """True if a keeper is there now. Starts none and never raises."""


class KeeperUnavailable(OSError):
    """No keeper answers on the socket."""


class SpecDiffers(ValueError):
    """The name is kept with a different spec: stop it first, or take another name."""


class StaleFence(ValueError):
    """Somebody acted on this scope with a later claim; the text says which."""


class KeeperRefused(ValueError):
    """The keeper does not do this; the text says why (a malformed spec, a record of a newer keeper)."""
