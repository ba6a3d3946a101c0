"""Running PostgreSQL's own programs: as the right operating-system user, with an exact environment, never outliving us.

`setpriv` (util-linux) changes the user and has the kernel kill the program when the thread that started it dies.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from greenroom.adapters.courtesy import nicely
from greenroom.adapters.home import Home
from greenroom.adapters.postgres.providers import Provider
from greenroom.adapters.runtimes.users import User
from greenroom.domain.errors import Errored

EnsureUser = Callable[[str], User]
"""Makes the operating-system user of that name, if absent."""

Adopt = Callable[[Path, Home], Path]
"""The tree itself if every user of this machine can use it, else a copy that they can."""

SAID = 2000
COMMAND = re.compile(r"Command was: ([A-Z]+(?: [A-Z]+)* [^\s(;]+(?:\s+ADD CONSTRAINT [^\s(;]+)?)")
"""As `pg_restore` says what it could not do. The beginning names it; what follows may hold values."""


def is_caller(account: User) -> bool:
    """True when the program runs as we do: there is nobody else we could become."""
    return account.uid == os.geteuid()


@dataclass(frozen=True)
class Tools:
    """The programs of one provider, where `account` can execute them."""

    bin: Path
    libraries: Path | None

    def program(self, name: str) -> str:
        return str(self.bin / name)

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Exactly what a program of PostgreSQL needs: no home, no PG* variable of the caller."""
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        if self.libraries is not None:
            env["LD_LIBRARY_PATH"] = str(self.libraries)
        return env | dict(extra or {})


def tools_of(provider: Provider, account: User, home: Home, adopt: Adopt) -> Tools:
    """The provider's programs, copied to where `account` can read them when it cannot where they are."""
    if is_caller(account):
        return Tools(provider.bin, provider.libraries)
    libraries = adopt(provider.libraries, home) if provider.libraries is not None else None
    return Tools(adopt(provider.bin.parent, home) / provider.bin.name, libraries)


def command(
    argv: Sequence[str], account: User | None, *, at_our_death: str = "KILL", is_offline: bool = False
) -> list[str]:
    """`argv` as `account` (None: the caller), ended by that signal when we die. `is_offline`: in a network of its own
    with nothing in it, where the kernel lets us make one; sockets that are files lead in and out as ever."""
    prefix = [*(_apart() if is_offline else ()), _setpriv(), "--pdeathsig", at_our_death]
    if account is not None and not is_caller(account):
        prefix += ["--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups", "--no-new-privs"]
    return [*prefix, "--", *argv]


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    account: User | None = None,
    seconds: float,
    stdin: str = "",
    nice: int = 0,
) -> str:
    """Run a program to its end, standing back behind others by `nice`; what it wrote to stdout.

    Raises Errored: `database.tool_failed` with the end of what it said, `database.tool_timeout`, `database.disk_full`.
    """
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            nicely(command(argv, account), nice),
            env=dict(env),
            cwd="/",
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            start_new_session=bool(nice),
        )
    except subprocess.TimeoutExpired as error:
        raise Errored(
            "database.tool_timeout",
            f"{name} did not end within {seconds:g} s",
            hint="greenroom doctor looks at the disk and the databases; try again once they are well",
        ) from error
    except OSError as error:
        raise Errored(
            "database.tool_failed",
            f"{name} does not start",
            because=str(error),
            hint="install PostgreSQL anew: its programs are not whole",
        ) from error
    if done.returncode == 0:
        return done.stdout
    raise tool_failed(name, done.returncode, done.stderr or done.stdout)


def tool_failed(name: str, code: int, said: str) -> Errored:
    """What went wrong, from a program's exit code and its last words."""
    because = said.strip()[-SAID:]
    if "No space left on device" in said:
        return disk_full(because)
    return Errored(
        "database.tool_failed",
        f"{name} failed with {_ended(code)}",
        because=because,
        hint="its own words say why: mend that, then try again",
        facts={"command": " ".join(found[1].split())} if (found := COMMAND.search(said)) else {},
    )


def disk_full(because: str, where: object = "") -> Errored:
    """`where` is a path on that disk, where the program's own words do not name one."""
    name = f"the disk that holds {where}" if where else "the disk of the database"
    hint = "make room on it: greenroom collect removes releases that nobody needs; then try again"
    return Errored("database.disk_full", f"{name} is full", because=because, hint=hint)


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


@cache
def _apart() -> tuple[str, ...]:
    """What begins a network of its own (unshare, util-linux); nothing where that is not allowed."""
    own = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-current-user", "--net")
    try:
        works = subprocess.run([*own, "true"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        works = False
    return own if works else ()


@cache
def _setpriv() -> str:
    found = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if found is None:
        raise Errored(
            "database.tool_failed", "the program setpriv is missing", hint="install util-linux (Debian: apt install)"
        )
    return found
