"""A clone beside a plain copy of the same files and PostgreSQL's own start; and on a file system that shares blocks.

By turns, the median of each, everything from being asked for to an address that answers. The block-sharing file system
is an XFS in a file, mounted for the length of the bench where this process may (root, and mkfs.xfs from xfsprogs).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.clone_support import clones_of, publish, wanted
from tests.postgres_ground import Ground, ground_in, query

from bench.figure import Figure
from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.connect import SUPERUSER
from greenroom.adapters.postgres.datasets.clones import SMALL, PostgresClones
from greenroom.adapters.postgres.ground import own_directory
from greenroom.adapters.postgres.providers import choose
from greenroom.adapters.postgres.scratch import any_port
from greenroom.adapters.postgres.serving import Server, served, sockets_of
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.clone import CloneState
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services

SIZES = [int(n) for n in os.environ.get("GREENROOM_BENCH_CLONES_MB", "100,1000,3000").split(",")]
ROUNDS = int(os.environ.get("GREENROOM_BENCH_ROUNDS", "5"))
ROW = 1000  # bytes, about
SHARED_SECONDS = 1.0


def measure(directory: Path) -> list[Figure]:
    directory.chmod(0o711)
    with ground_in(directory) as ground:
        for size in SIZES:
            publish(ground, f"d{size}", lambda url, size=size: _fill(url, size))
        return [*_beside_copies(ground), *_sharing(ground, directory)]


def _fill(url: str, megabytes: int) -> None:
    query(url, "CREATE TABLE IF NOT EXISTS filled (id bigint PRIMARY KEY, said text)")
    (there,) = query(url, "SELECT coalesce(max(id), 0) FROM filled")[0]
    many = megabytes * 1_000_000 // ROW
    query(url, "INSERT INTO filled SELECT n, repeat(md5(n::text), 30) FROM generate_series(%s + 1, %s) n", there, many)


def _beside_copies(ground: Ground) -> list[Figure]:
    clones, figures = clones_of(ground), []
    _cloned(ground, clones, SIZES[0])  # the user, and the programs that it may read, are made once in a home's life
    for size in SIZES:
        turns = [(_cloned(ground, clones, size), _copied(ground, size)) for _ in range(ROUNDS)]
        clone, copy = (sorted(t)[ROUNDS // 2] for t in zip(*turns, strict=True))
        how = f"{_shown(size)}: a clone {clone:.2f} s; cp -a and PostgreSQL's start {copy:.2f} s"
        figures.append(Figure(f"clone / cp -a + start, {size / 1000:g} GB", clone / copy, "ratio", 1.2, how))
    return figures


def _sharing(ground: Ground, directory: Path) -> list[Figure]:
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        sys.stderr.write("clones: no figures of a block-sharing file system: it takes root and mkfs.xfs\n")
        return []
    with _xfs(directory, SIZES) as mounted, ground_in(mounted) as sharing:
        for size in SIZES:
            subprocess.run(["cp", "-a", str(ground.home.datasets / f"d{size}"), str(sharing.home.datasets)], check=True)
        password = FileSecrets(ground.home, "database").values(VAULT)[SUPERUSER]
        FileSecrets(sharing.home, "database").put(VAULT, SUPERUSER, password)
        clones, figures = clones_of(sharing), []
        _cloned(sharing, clones, SIZES[0])
        for size in SIZES:
            took = sorted(_cloned(sharing, clones, size) for _ in range(ROUNDS))
            how = f"{_shown(size)}, XFS with reflink; {took[0]:.2f} to {took[-1]:.2f} s"
            name = f"clone where blocks are shared, {size / 1000:g} GB"
            figures.append(Figure(name, took[ROUNDS // 2], "s", SHARED_SECONDS, how))
        return figures


@contextmanager
def _xfs(directory: Path, megabytes: list[int]) -> Iterator[Path]:
    """A file system that shares blocks, with room for the datasets and what is written into clones."""
    image, mounted = directory / "xfs", directory / "mounted"
    with image.open("wb") as file:
        file.truncate((sum(megabytes) * 3 + 2000) * 1_000_000)
    mounted.mkdir()
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=True)
    try:
        mounted.chmod(0o711)
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
        image.unlink()


def _cloned(ground: Ground, clones: PostgresClones, size: int) -> float:
    """Seconds from nothing to an address that answers, as `services.clones` makes one."""
    clone = wanted("bench", f"d{size}")
    os.sync()
    began = time.monotonic()
    clones.note(clone)
    clones.fill(clone)
    clones.note(replace(clone, state=CloneState.READY))
    url = clones.url(clone).reveal()
    took = time.monotonic() - began
    if query(url, "SELECT max(id) FROM filled") != [(size * 1_000_000 // ROW,)]:
        raise ValueError(f"the clone of {size} MB is not whole")
    clones.clear(clone)
    return took


def _copied(ground: Ground, size: int) -> float:
    """`cp -a` and a start until it answers, with the settings of a clone."""
    clusters = ground.databases()._clusters
    account, provider = clusters.account("seed"), choose(Services(18), clusters.providers())
    folder = own_directory(ground.home.root / "copy", 0o711)
    sockets, tools = sockets_of(ground.home, folder, account), clusters.tools(provider, account)
    server = Server(folder, sockets, account, tools, provider, any_port())
    door = server.superuser(clusters.password(VAULT, SUPERUSER))
    os.sync()
    began = time.monotonic()
    subprocess.run(["cp", "-a", str(ground.home.datasets / f"d{size}" / "data"), str(folder / "data")], check=True)
    with served(server, SystemClock(), door, what="the copy", settings=SMALL | {"summarize_wal": "off"}):
        took = time.monotonic() - began
    shutil.rmtree(folder)
    return took


def _shown(megabytes: int) -> str:
    return f"{megabytes} MB of rows"
