"""What a process may see and do, as an argument list for bubblewrap. Pure, except for `find` and `host_paths`.

Inside: the release and its interpreter read-only at their own paths, its own data, its own sockets, a private /tmp,
the system's programs and libraries read-only, and nothing else: no home, no other environment, no other process.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

SYSTEM_FILES = tuple(
    Path("/etc") / name
    for name in (
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "alternatives", "mime.types", "magic",
        "ssl/certs", "ssl/openssl.cnf", "ca-certificates.conf", "pki/tls/certs", "resolv.conf", "hosts", "host.conf",
        "nsswitch.conf", "gai.conf", "services", "protocols", "fonts", "ImageMagick-6", "locale.alias", "os-release",
    )
)  # fmt: skip
"""What programs look up in /etc and no user of the machine could mind."""

LOADER_VARIABLES = frozenset({"GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCPATH", "MALLOC_TRACE",
                              "NIS_PATH", "NLSPATH", "RES_OPTIONS", "RESOLV_HOST_CONF"})  # fmt: skip
"""Variables by which whoever sets them chooses code or files for any program (glibc's list for secure execution);
with those that begin with LD_ they reach the application only, never the programs that build its sandbox."""


@dataclass(frozen=True)
class Identity:
    """Whom the process runs as. Only root can choose; for everybody else it is themselves."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sandbox:
    """What one process sees. Every path appears inside under its own name."""

    read_only: tuple[Path, ...]
    writable: tuple[Path, ...]
    cwd: Path
    tmp: Path | None = None  # shown as /tmp if it can be; None: an empty one in memory
    files: Mapping[str, Path] = field(default_factory=dict)  # path inside -> file outside, e.g. /etc/passwd
    network: bool = True
    identity: Identity | None = None  # drop to this user inside; needs root
    die_with_parent: bool = False
    hostname: str = "greenroom"


def bwrap_argv(
    bwrap: Path, sandbox: Sandbox, command: Sequence[str], *, info_fd: str | None, setpriv: str = "/usr/bin/setpriv"
) -> tuple[str, ...]:
    """The argument list that runs `command` as process 1 of its own little machine.

    With `--as-pid-1` a signal to the `child-pid` that bubblewrap writes to `info_fd` reaches the command itself:
    to bubblewrap it would kill the command at once, and requests in flight with it.
    """
    words = [str(bwrap), "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1"]
    words += ["--new-session", "--hostname", sandbox.hostname]
    words += [] if sandbox.network else ["--unshare-net"]
    words += ["--die-with-parent"] if sandbox.die_with_parent else []
    words += ["--info-fd", info_fd] if info_fd is not None else []
    words += _privileges(sandbox.identity)
    words += _system()
    words += _private_tmp(sandbox)
    words += _ways_to([*sandbox.read_only, *sandbox.writable])
    for path in _outermost_first(sandbox.read_only):
        words += ["--ro-bind", str(path), str(path)]
    for path in _outermost_first(sandbox.writable):
        words += ["--bind", str(path), str(path)]
    for inside, outside in sorted(sandbox.files.items()):
        words += ["--ro-bind", str(outside), inside]
    words += ["--remount-ro", "/", "--chdir", str(sandbox.cwd), "--"]
    return (*words, *_dropping(sandbox, setpriv), *command)


def loader_prefix(env: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """`env` without loader variables, and the words that set them again in front of the application alone."""
    loaders = {k: v for k, v in env.items() if k.startswith("LD_") or k in LOADER_VARIABLES}
    if not loaders:
        return dict(env), ()
    return (
        {k: v for k, v in env.items() if k not in loaders},
        ("/usr/bin/env", *(f"{k}={v}" for k, v in sorted(loaders.items()))),
    )


def find(wish: Path | str | None = "auto") -> tuple[Path | None, str]:
    """The bubblewrap to use and, when there is none that works here, why. It is run once to find out."""
    if wish is None:
        return None, "bubblewrap is switched off"
    found = shutil.which("bwrap") if wish == "auto" else str(wish)
    if found is None:
        return None, "bubblewrap is not installed"
    sandbox = Sandbox((), (), Path("/"))
    try:
        if Path(found).stat().st_mode & stat.S_ISUID:
            return None, f"{found} is a setuid build, which Greenroom does not use"
        done = subprocess.run(
            bwrap_argv(Path(found), sandbox, ["/usr/bin/true"], info_fd=None),
            env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"bubblewrap does not run here: {error}"
    if done.returncode != 0:
        return None, f"bubblewrap does not work on this machine: {done.stderr.strip()[:200]}"
    return Path(found), ""


def _privileges(identity: Identity | None) -> list[str]:
    if identity is None:
        return ["--unshare-user-try", "--cap-drop", "ALL"] if os.geteuid() != 0 else ["--cap-drop", "ALL"]
    keep = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]  # setpriv gives them up
    return ["--cap-drop", "ALL", *keep]


def _dropping(sandbox: Sandbox, setpriv: str) -> list[str]:
    who = sandbox.identity
    if who is None:
        return []
    groups = ["--groups", ",".join(map(str, who.groups))] if who.groups else ["--clear-groups"]
    words = [setpriv, "--reuid", str(who.uid), "--regid", str(who.gid), *groups]
    words += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
    return [*words, *(["--pdeathsig", "KILL"] if sandbox.die_with_parent else []), "--"]


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--proc", "/proc", "--dev", "/dev", "--dir", "/run", "--dir", "/var"]
    for path in SYSTEM_FILES:
        words += ["--ro-bind-try", str(path), str(path)]
    return words


def _private_tmp(sandbox: Sandbox) -> list[str]:
    """A directory of the environment's own; in memory when something shown lies below /tmp.

    Its mount point would be made inside that directory then, where the application may have laid links for us.
    """
    tmp = Path("/tmp")  # noqa: S108
    below = any(path.is_relative_to(tmp) for path in (*sandbox.read_only, *sandbox.writable))
    if sandbox.tmp is None or below:
        return ["--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    return ["--bind", str(sandbox.tmp), "/tmp"]  # noqa: S108


def _ways_to(paths: Sequence[Path]) -> list[str]:
    """The directories above what is shown, empty and passable: bubblewrap's own modes may lock the user out."""
    above = {parent for path in paths for parent in path.parents if parent != Path("/")}
    return [word for path in _outermost_first([*above]) for word in ("--perms", "0755", "--dir", str(path))]


def _outermost_first(paths: Sequence[Path]) -> list[Path]:
    """A mount hides what was mounted below it before, so parents come first."""
    return sorted(set(paths), key=lambda p: (len(p.parts), str(p)))
