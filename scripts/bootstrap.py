"""Bring the pinned `uv` to a machine that has only Python's standard library.

Prints the path of a usable uv. Order: the one fetched before, a virtual environment with pip,
pip alone, and last the wheel that uv.lock names, read with urllib (Debian's python3 has neither
venv nor pip). Version, address and SHA-256 come from uv.lock, so they stand in one place.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - this script runs before anything checked the version
    raise SystemExit(f"Greenroom needs Python 3.11 or newer; this is {platform.python_version()}")

import tomllib  # new in Python 3.11, hence after the check

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
LOCKED = next(p for p in tomllib.loads((ROOT / "uv.lock").read_text())["package"] if p["name"] == "uv")
UV = LOCKED["version"]


def works(uv: Path) -> bool:
    try:
        shown = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return shown.returncode == 0 and shown.stdout.split()[1:2] == [UV]


def with_venv(target: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(target)], check=True, capture_output=True)
    subprocess.run([target / "bin/pip", "-q", "install", f"uv=={UV}"], check=True, capture_output=True)


def with_pip(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "-q", "install", "--target", str(target), f"uv=={UV}"]
    subprocess.run(command, check=True, capture_output=True)


def with_urllib(target: Path) -> None:
    """Take the wheel of this machine, check its SHA-256, unpack `uv`."""
    machine = platform.machine()
    wheel = next(w for w in LOCKED["wheels"] if "manylinux" in w["url"] and machine in w["url"])
    with urllib.request.urlopen(wheel["url"], timeout=300) as answer:
        data = answer.read()
    if "sha256:" + hashlib.sha256(data).hexdigest() != wheel["hash"]:
        raise SystemExit("the downloaded uv does not match the digest that uv.lock names")
    target.mkdir(parents=True, exist_ok=True)
    archive = target / "uv.whl"
    archive.write_bytes(data)
    (target / "bin").mkdir(exist_ok=True)
    with zipfile.ZipFile(archive) as z:
        name = next(n for n in z.namelist() if n.endswith("/scripts/uv"))
        (target / "bin/uv").write_bytes(z.read(name))
    (target / "bin/uv").chmod(0o755)
    archive.unlink()


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("Greenroom runs on Linux")
    target = TOOLS / f"uv-{UV}"
    uv = target / "bin/uv"
    tries = []
    for way in (None, with_venv, with_pip, with_urllib):
        if way:
            try:
                way(target)
            except (OSError, subprocess.CalledProcessError, StopIteration) as e:
                tries.append(f"  {way.__name__}: {getattr(e, 'stderr', None) or e}")
                continue
        if works(uv):
            print(os.fspath(uv))
            return
    raise SystemExit("could not bring uv to this machine:\n" + "\n".join(tries))


if __name__ == "__main__":
    main()
