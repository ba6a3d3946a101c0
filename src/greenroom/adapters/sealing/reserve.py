"""What making a release leaves of the disk: the store and what runs must go on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from greenroom.adapters.home import Home
from greenroom.adapters.sealing.rooms import RESERVED_BYTES
from greenroom.config.sizes import format_size
from greenroom.domain.disk import MAKE_ROOM, is_full, says_full
from greenroom.domain.errors import Errored, GreenroomError

P = ParamSpec("P")
R = TypeVar("R")


class AtHome(Protocol):
    @property
    def home(self) -> Home: ...


S = TypeVar("S", bound=AtHome)


def with_room(does: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """`does` begins only while the reserve is free. What a full disk made of it in the middle, in whosever words, is
    told as that: no answer about the commit.

    Raises Errored (`release.disk_low`).
    """

    @wraps(does)
    def done(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if is_low(self.home.root):
            raise disk_low(f"no release is made in {self.home.root}", "")
        try:
            return does(self, *args, **kwargs)
        except (GreenroomError, OSError) as e:
            said = f"{e.because}" if isinstance(e, GreenroomError) else str(e)
            if isinstance(e, Errored) and e.code == "release.disk_low":
                raise
            if is_full(e) or (says_full(said) and is_low(self.home.root)):
                raise disk_low(f"a release could not be made in {self.home.root}", said) from e
            raise

    return done


def is_low(path: Path) -> bool:
    """True when the reserve of its disk is not free."""
    return shutil.disk_usage(path).free < RESERVED_BYTES


def disk_low(what: str, output: str) -> Errored:
    """`output` is what was said of it, at most its last 2,000 characters are told."""
    reserve = f"less than {format_size(RESERVED_BYTES)} are free, which are kept for what runs and for the store"
    return Errored(
        "release.disk_low",
        f"{what}: the disk is nearly full",
        because=f"{reserve}\n{output[-2000:]}".strip(),
        hint=f"{MAKE_ROOM}; then release again",
        facts={"output": output},
    )
