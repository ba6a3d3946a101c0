"""Where the demo lives on this machine, and how a new one makes way for itself.

DEMO/repository    the deployment repository that is released from
DEMO/home          Greenroom's home
DEMO/cache         what was downloaded; kept from one demo to the next
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from greenroom.domain.errors import Errored

ELSEWHERE = Path("/var/lib")
KEPT = frozenset({"cache"})
MARKER = "this-is-a-greenroom-demo"


@dataclass(frozen=True)
class Ground:
    """The demo's directory."""

    root: Path

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def traffic(self) -> Path:
        return self.root / "traffic.jsonl"

    def exists(self) -> bool:
        return (self.root / MARKER).exists()

    def claim(self) -> None:
        """Make the directory, or take the one a former demo made.

        Raises Errored (`demo.not_ours`) when something else lies there: it would be removed by the next demo.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o711)
        found = self.root.lstat()
        is_foreign = not self.exists() and any(self.root.iterdir())
        if is_foreign or not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise Errored(
                "demo.not_ours",
                f"{self.root} is not a directory of a demo of ours",
                hint="remove it, or choose another with --directory",
            )
        self.root.chmod(0o711)
        (self.root / MARKER).touch()
        self.cache.mkdir(exist_ok=True)

    def clear(self) -> None:
        """Remove what a former demo left, but for downloads. Its processes must have ended."""
        if not self.exists():
            return
        for path in self.root.iterdir():
            if path.name in KEPT or path.name == MARKER:
                continue
            if path.is_dir() and not path.is_symlink():
                _remove(path)
            else:
                path.unlink()


def choose(checkout: Path, *, is_root: bool, elsewhere: Path = ELSEWHERE) -> Ground:
    """`.demo` in the checkout, or a directory of its own where other users could not reach that.

    As root, environments run as users of their own, and they must get to their files.
    """
    checkout = checkout.resolve()
    if not is_root or lets_through((checkout, *checkout.parents)):
        return Ground(checkout / ".demo")
    key = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:10]
    return Ground(elsewhere / f"greenroom-demo-{key}")


def lets_through(directories: Iterable[Path]) -> bool:
    """True if every user may pass through all of these."""
    return all(d.stat().st_mode & stat.S_IXOTH for d in directories)


def _remove(directory: Path) -> None:
    """Releases are laid out read-only: let ourselves in first, where we are not root."""
    for path, _, _ in os.walk(directory):
        if os.getuid():
            Path(path).chmod(0o700)
    shutil.rmtree(directory)
