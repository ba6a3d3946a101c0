"""What nobody has to declare: given by Greenroom, by the platform, or part of every system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from greenroom.domain.release import Descriptor


def words(text: str) -> frozenset[str]:
    """The words of a text, for lists that read better without quotes."""
    return frozenset(text.split())


GIVEN_VARIABLES = words("""
    PATH HOME LANG LC_ALL LC_CTYPE LANGUAGE TZ TMPDIR TEMP TMP USER LOGNAME SHELL TERM PWD COLUMNS LINES NO_COLOR
    PORT DATABASE_URL VIRTUAL_ENV NODE_ENV NODE_PATH NODE_OPTIONS CI FORCE_COLOR HTTP_PROXY HTTPS_PROXY NO_PROXY
    ALL_PROXY XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR SSL_CERT_FILE SSL_CERT_DIR
""")
GIVEN_PREFIXES = ("GREENROOM_", "PYTHON", "LC_", "npm_")

BASIC_PROGRAMS = words("""
    sh env dirname basename realpath readlink uname cat cp mv rm ln ls mkdir rmdir mktemp chmod touch date echo printf
    test [ true false sleep sed grep egrep fgrep awk mawk gawk cut tr sort uniq head tail wc tee xargs find expr id
    nproc hostname getconf pwd stty which ldconfig
""")
"""POSIX shell and the small tools that start scripts are made of; on every system Greenroom runs on."""

SYSTEM_PLACES = (
    *("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/proc", "/sys", "/dev", "/usr/share/zoneinfo"),
    *("/usr/share/locale", "/usr/share/ca-certificates", "/etc/ssl", "/etc/pki", "/etc/localtime", "/etc/timezone"),
    *("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf"),
    *("/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/os-release"),
    *("/etc/gai.conf", "/etc/locale.alias", "/etc/alternatives", "/usr/share/mime", "/etc/ld.so.preload"),
)
"""Libraries, time zones, certificates, name lookup: the platform, wherever the release runs."""

DEVELOPMENT = words("tests test docs doc examples benchmarks bench .github node_modules .venv")
DEVELOPMENT_FILES = frozenset({"conftest.py", "setup.py", "noxfile.py", "fabfile.py", "tasks.py"})


@dataclass(frozen=True)
class Declared:
    """What this release may use without being named."""

    variables: frozenset[str]
    programs: frozenset[str]
    places: tuple[str, ...]

    @classmethod
    def by(cls, descriptor: Descriptor, own_programs: frozenset[str], own_places: tuple[Path, ...]) -> Declared:
        """`own_programs` and `own_places` are the release's and its room's own."""
        return cls(
            frozenset(v.name for v in descriptor.variables),
            frozenset(Path(e).name for e in descriptor.executables) | own_programs | BASIC_PROGRAMS,
            (*SYSTEM_PLACES, *descriptor.files, *(str(p) for p in own_places)),
        )

    def has_variable(self, name: str) -> bool:
        return name in self.variables or name in GIVEN_VARIABLES or name.startswith(GIVEN_PREFIXES)

    def has_program(self, command: str) -> bool:
        """A name, or a path: one inside the release or its interpreter is its own."""
        if "/" in command and (not command.startswith("/") or self.has_place(command)):
            return True
        return Path(command).name in self.programs

    def has_place(self, path: str) -> bool:
        return any(path == p or path.startswith(p.rstrip("/") + "/") for p in self.places)


def is_for_development(path: str) -> bool:
    """True for files of a commit that its running processes do not load: tests, documentation, build scripts."""
    parts = path.split("/")
    name = parts[-1]
    return (
        not DEVELOPMENT.isdisjoint(parts[:-1])
        or name in DEVELOPMENT_FILES
        or name.startswith("test_")
        or name.endswith(("_test.py", ".test.js", ".spec.js", ".config.js", ".config.mjs", ".config.cjs"))
    )
