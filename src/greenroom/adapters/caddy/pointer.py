"""The small files Caddy reads per request, and the rule who may change them.

`routes/ENV` is the truth, six lines, replaced by rename and made durable before `change` returns. Beside it,
for requests that are held, `ENV.upstream` and `ENV.release` repeat two of its lines, because a held
request looks them up again at every try. They are written first: whatever instant a crash picks, a held
request waits or goes where the next route leads, never back to the release that was left.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.caddy.config import ROUTE
from greenroom.adapters.locks import locked
from greenroom.domain.disk import is_full
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.ports.edge import Canary, Pointer

_DIAL = re.compile(r"unix//[^\s{}\x00-\x1f|]{1,106}|(?:127\.0\.0\.1|localhost|\[::1\]):[1-9][0-9]{0,4}")
_RELEASE = re.compile(r"[!-z|~]{1,200}")  # printable, without space and braces
_STEPS = 0x10000
_NONE = "-"
SPARE_BYTES = 4096


@dataclass(frozen=True)
class Route:
    """Where an environment's visitors go. `token` is that of the last change."""

    pointer: Pointer
    canary: Canary | None = None

    def text(self) -> str:
        """The six lines (see `config.ROUTE`). Raises BadInput (`edge.bad_dial`, `edge.bad_release`)."""
        p, c = self.pointer, self.canary
        lines = [str(p.token), checked_release(p.release), checked_dial(p.dial) if p.dial is not None else _NONE]
        lines += [threshold(c.share), checked_release(c.release), checked_dial(c.dial)] if c else ["0000", _NONE, _NONE]
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> Route:
        """What `text` wrote; ValueError for anything else."""
        found = re.fullmatch(ROUTE.strip("^$"), text)
        if not found:
            raise ValueError("not a route")
        release, dial, share, canary_release, canary_dial = found.groups()
        part = 1.0 if share == "g000" else int(share, 16) / _STEPS
        canary = None if canary_dial == _NONE else Canary(canary_dial, canary_release, part)
        return cls(Pointer(None if dial == _NONE else dial, release, int(text.split("\n", 1)[0])), canary)


def threshold(share: float) -> str:
    """The four characters that a share of random hexadecimal quadruples sorts before; a positive share is never 0."""
    if not 0 <= share <= 1:
        raise BadInput(
            "edge.bad_share", f"a canary's share is between 0 and 1, not {share}", hint="name a share such as 0.05"
        )
    steps = max(round(share * _STEPS), 1 if share else 0)
    return "g000" if steps >= _STEPS else f"{steps:04x}"


def checked_dial(dial: str) -> str:
    if not _DIAL.fullmatch(dial):
        raise BadInput(
            "edge.bad_dial",
            f"{dial[:120]!r} is no address the edge can dial",
            hint="use unix//PATH (at most 107 bytes) or 127.0.0.1:PORT",
        )
    return dial


def checked_release(release: str) -> str:
    if not _RELEASE.fullmatch(release) or release == _NONE:
        raise BadInput("edge.bad_release", f"{release[:80]!r} does not name a release", hint="use its digest")
    return release


class Routes:
    """The route files in one directory. `nowhere` is a socket path at which nobody ever listens."""

    def __init__(self, directory: Path, nowhere: Path) -> None:
        self._directory = directory
        self._nowhere = nowhere
        self._spares = [directory / f".spare-{n}" for n in range(3)]  # a change replaces three files

    def read(self, environment: str) -> Route | None:
        """None when never pointed. Raises Errored (`edge.route_unreadable`)."""
        file = self._file(environment)
        try:
            return Route.parse(file.read_text())
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as e:
            raise Errored(
                "edge.route_unreadable",
                f"{file} does not say where {environment} leads",
                because=str(e),
                hint=f"remove {file}; greenroom down --keep-applications, then greenroom up: it is then written anew",
            ) from e

    def change(self, environment: str, token: int, next_route: Callable[[Route | None], Route]) -> None:
        """Replace the route, unless it was changed with a greater token: Refused (`edge.stale_token`)."""
        with self._locked(environment):
            present = self.read(environment)
            check_token(environment, present.pointer.token if present else None, token)
            self._write(environment, next_route(present))
            lay_up(self._spares)

    def preview(self, environment: str, dial: str | None) -> None:
        """Show `dial` on the preview door; None: nothing is there."""
        file = self._file(f"{environment}.preview", checked=environment)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        if dial is None:
            file.unlink(missing_ok=True)
        else:
            replace(file, checked_dial(dial))

    def mend(self, environment: str) -> None:
        """Write again what is derived from the route: a crash of the machine may have kept one and lost the other."""
        with self._locked(environment):
            if route := self.read(environment):
                self._write_derived(environment, route)
            lay_up(self._spares)

    def _write(self, environment: str, route: Route) -> None:
        text = route.text()
        self._write_derived(environment, route)
        replace(self._file(environment), text, durable=True, spares=self._spares)

    def _write_derived(self, environment: str, route: Route) -> None:
        dial = route.pointer.dial or f"unix/{self._nowhere}"
        told = {"release": route.pointer.release, "upstream": dial}
        for name, text in told.items():
            replace(self._file(f"{environment}.{name}", checked=environment), text, spares=self._spares)

    def _file(self, name: str, *, checked: str | None = None) -> Path:
        checked_name(checked or name, "environment")
        return self._directory / name

    @contextmanager
    def _locked(self, environment: str) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        with locked(self._file(f"{environment}.lock", checked=environment)):
            yield


def check_token(environment: str, present: int | None, token: int) -> None:
    """Who comes with a token below the recorded one was overtaken, and must not touch anything."""
    if present is not None and token < present:
        raise Refused(
            "edge.stale_token",
            f"{environment} was pointed by somebody who came later",
            because=f"token {token} is older than {present}",
            hint="nothing is to be done: a worker that had lost its claim was kept from switching",
            facts={"token": token, "present": present},
        )


def replace(file: Path, text: str, *, durable: bool = False, spares: Sequence[Path] = ()) -> None:
    """Put `text` in place of `file` at once; readers see the old or the new, never a mixture.

    A full disk takes no new file: then one of the `spares` (see `lay_up`) becomes it, whose room is its own already.
    """
    # The name is unique to writer and thread: `preview` writes without a lock.
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        try:
            _write(temporary, text, os.O_CREAT | os.O_EXCL, durable=durable)
        except OSError as e:
            spare = next((s for s in spares if s.exists()), None)
            if not is_full(e) or spare is None:
                raise
            spare.replace(temporary)
            _write(temporary, text, 0, durable=durable)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(file.parent)


def lay_up(spares: Iterable[Path]) -> None:
    """Make the spares that are missing: files with room of their own. On a full disk they stay missing."""
    for spare in spares:
        if not spare.exists():
            with suppress(OSError):
                replace(spare, " " * SPARE_BYTES)


def _write(file: Path, text: str, flags: int, *, durable: bool) -> None:
    """The file holds `text` and nothing else. Its first bytes are written over, so that they keep their place."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CLOEXEC | flags, 0o644), "w") as out:
        os.fchmod(out.fileno(), 0o644)  # whatever our umask: the proxy may be another user
        out.write(text)
        out.flush()
        os.ftruncate(out.fileno(), out.tell())
        if durable:
            os.fsync(out.fileno())


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
