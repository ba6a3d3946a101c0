"""Small real applications in git, and everything needed to seal them."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes.users import ensure_user
from greenroom.adapters.sealing.files import remove_tree
from greenroom.adapters.sealing.sealer import OciSealer
from greenroom.adapters.sealing.signing import Keyring
from greenroom.adapters.sealing.store import OciArtifacts
from greenroom.adapters.sealing.tools import Account, HostToolchain, Recipe
from greenroom.domain.release import Descriptor, Health, Language, Listen, Process, Services
from greenroom.ports.artifacts import Built, CleanRoom, Sealed

BUILDER = os.environ.setdefault("GREENROOM_TEST_BUILDER", f"gr-seal-{os.getpid()}")
"""The user that builds; children of a suite's process use the same, and only that process removes it."""

SERVER = """\
import http.server, os, socketserver{imports}

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

def main():
{body}
    Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()

if __name__ == "__main__":
    main()
"""

LOCK = "itsdangerous==2.2.0\n"


def python_app(imports: str = "\nfrom itsdangerous import Signer", body: str = "    Signer('k')") -> dict[str, str]:
    """A server of the standard library with one locked dependency."""
    return {"app.py": SERVER.format(imports=imports, body=body), "requirements.txt": LOCK}


PYTHON = Descriptor(
    "shop",
    "1.0",
    Language.PYTHON,
    (Process("web", ("python", "app.py"), stop_seconds=3),),
    health=Health("/", boot_seconds=20),
    services=Services(postgres=None),
)

MS = "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="
NODE_FILES = {
    "server.js": (
        'const ms = require("ms");\nconst http = require("node:http");\n'
        'http.createServer((q, a) => a.end(String(ms("1m")))).listen(Number(process.env.PORT), "127.0.0.1");\n'
    ),
    "package.json": '{"name": "shop", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}',
    "package-lock.json": (
        '{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {'
        '"": {"name": "shop", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}, '
        f'"node_modules/ms": {{"version": "2.1.3", "integrity": "{MS}", "license": "MIT"}}}}}}'
    ),
}
NODE = replace(
    PYTHON,
    language=Language.NODE,
    processes=(Process("web", ("node", "server.js"), listen=Listen.PORT, stop_seconds=3),),
)
PLAIN = replace(
    PYTHON, language=Language.NONE, processes=(Process("web", ("./serve",), stop_seconds=3),), executables=("python3",)
)


def plain_app() -> dict[str, str]:
    return {"serve": "#!/usr/bin/env python3\n" + SERVER.format(imports="", body="    pass")}


@dataclass
class Workshop:
    """One home with its sealer and store; repositories are made on the way."""

    directory: Path
    recipe: Recipe = field(default_factory=lambda: Recipe(Language.PYTHON))
    account: Account | None = None
    max_bytes: int = 4 * 10**9
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = Home.at(self.directory / "home")
        self.keyring = Keyring(self.home.private)
        self.tools = shared_tools()
        self.artifacts = OciArtifacts(self.home, self.keyring, self.tools)
        if self.account is None and os.getuid() == 0:
            self.account = builder_account()
        self.sealer = OciSealer(
            self.home,
            self.keyring,
            None,
            self.tools,
            lambda tree, commit: replace(self.recipe, max_bytes=self.max_bytes),
            account=self.account,
        )

    def commit(self, files: dict[str, str]) -> str:
        """Commit exactly these files; a text that starts with `#!` is executable."""
        repository = self.directory / "repository"
        if not repository.exists():
            repository.mkdir(parents=True)
            git(repository, "init", "-q")
        git(repository, "rm", "-rq", "--ignore-unmatch", ".")
        for name, text in files.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        git(repository, "add", "-A", "-f")
        if git(repository, "status", "--porcelain"):
            git(repository, "commit", "-q", "-m", "x")
        return git(repository, "rev-parse", "HEAD")

    def build(self, files: dict[str, str], descriptor: Descriptor, work: str = "w1") -> Built:
        commit = self.commit(files)
        source = self.sealer.fetch(str(self.directory / "repository"), commit, work, self.said.append)
        return self.sealer.build(source, descriptor, work, self.said.append)

    def seal(self, files: dict[str, str], descriptor: Descriptor, work: str = "w1") -> Sealed:
        built = self.build(files, descriptor, work)
        sealed = self.sealer.seal(built, work, self.said.append)
        self.sealer.forget(work)
        return sealed

    def start(self, files: dict[str, str], descriptor: Descriptor, work: str = "w1") -> CleanRoom:
        built = self.build(files, descriptor, work)
        try:
            return self.sealer.clean_room(built, work, self.said.append)
        finally:
            self.sealer.forget(work)

    def close(self) -> None:
        remove_tree(self.home.root)
        remove_tree(self.home.run)


@cache
def builder_account() -> Account:
    user = ensure_user(BUILDER)
    if BUILDER.endswith(f"-{os.getpid()}"):
        atexit.register(subprocess.run, ["userdel", BUILDER], check=False, capture_output=True)
    return Account(user.uid, user.gid)


@cache
def shared_tools() -> HostToolchain:
    """Interpreters are adopted once for the whole run, by its first process: that copies a whole Python."""
    given = os.environ.get("GREENROOM_TEST_TOOLS")
    if given and Path(given).stat().st_uid == os.getuid():
        return HostToolchain(Home.at(Path(given)))
    directory = Path(tempfile.mkdtemp(prefix="gr-tools-"))
    directory.chmod(0o755)
    home = Home.at(directory / "home")
    os.environ["GREENROOM_TEST_TOOLS"] = str(home.root)
    for path in (home.run, directory):
        atexit.register(remove_tree, path)
    return HostToolchain(home)


def git(repository: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words],
        cwd=repository, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that every user of the machine can pass through; pytest's own are closed again by each run."""
    made = Path(tempfile.mkdtemp(prefix="gr-seal-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        remove_tree(made)


@contextmanager
def workshop(directory: Path, **settings: object) -> Iterator[Workshop]:
    made = Workshop(directory, **settings)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()
