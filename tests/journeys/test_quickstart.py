"""The quickstart, followed word for word with an application of one's own: it works, and prints what it shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT, page, shape
from tests.life_support import Life, free_ports, living, wait_until

QUICKSTART = page("docs/quickstart.md")
PROGRAMS = Path(sys.executable).parent
VERSION, NEWER = "1.0", "1.1"
SERVE = """\
import http.server, os, socketserver

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the shop is open")
    def address_string(self):
        return "a visitor"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()
"""
TESTS = """\
import os, unittest, urllib.request

class Shop(unittest.TestCase):
    def test_it_is_open(self):
        self.assertIn(b"open", urllib.request.urlopen(os.environ["GREENROOM_URL"]).read())
"""


class Reader:
    """Somebody at a terminal with the page open."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.directory = life.root / life.project  # `init` names the project after it
        self.url = f"http://127.0.0.1:{life.ports['api']}"
        self.token = ""

    def types(self, line: str, *, expected: int = 0, home: Path | None = None, answer: str = "") -> str:
        """Run a line of the page, with what it leaves to the reader filled in; its output."""
        words = shlex.split(line.partition("  #")[0].replace("RELEASE", VERSION).replace("NEWER", NEWER))
        words = [self.url if w.startswith("http://127.0.0.1:") else w for w in words]
        env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
        env |= {"HOME": str(home)} if home else {"GREENROOM_HOME": str(self.life.home.root)}
        directory = home or self.directory
        done = subprocess.run(
            words, cwd=directory, env=env, input=answer, text=True, capture_output=True, timeout=180, check=False
        )
        assert done.returncode == expected, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Beginning with a repository as the page wants it: in git, with a lock file and a web process."""
    with living() as life:
        reader = Reader(life)
        reader.directory.mkdir()
        for name, text in {
            "serve.py": SERVE,
            "test_shop.py": TESTS,
            "Procfile": "web: python serve.py\n",
            "VERSION": VERSION + "\n",
            "requirements.txt": _lock(),
        }.items():
            (reader.directory / name).write_text(text)
        for line in (
            "git init -q",
            "git config user.name Reader",
            "git config user.email reader@example.org",
            "git add -A",
            "git commit -qm Shop",
        ):
            reader.types(line)
        yield reader


def test_the_quickstart_is_true(reader: Reader) -> None:
    """From `init` to a release in production that a second person approved, by the page's own lines."""
    own = QUICKSTART.text.partition("## Your own application")[2]
    blocks = re.findall(r"^```sh\n(.*?)^```", own, re.DOTALL | re.MULTILINE)
    typed = [line for block in blocks for line in block.splitlines()]
    assert len(typed) >= 12, "the page has lost its commands"
    for line in typed:
        if line.startswith("git add"):
            _describe(reader)
            for part in line.split(" && "):
                reader.types(part)
        elif line.startswith("greenroom account add"):
            reader.token = re.findall(r"gr_\S+", reader.types(line))[0]
        elif line.startswith(("greenroom login", "greenroom approve")):
            maria = reader.life.root / "maria"
            maria.mkdir(exist_ok=True)
            # Whoever has a terminal is asked; here nobody could answer.
            reader.types(line + " --yes" * line.startswith("greenroom approve"), home=maria, answer=reader.token + "\n")
        elif line.startswith("git commit"):
            _reached(reader, lambda work: work["state"] == "done")  # her yes lets it go on by itself
            assert _versions(reader) == [VERSION] * 3
            (reader.directory / "VERSION").write_text(NEWER + "\n")
            reader.types(line)
        elif line == "greenroom rollback production --dry-run":
            _reached(reader, lambda work: work["step"] == "bake")
            assert f"visitors are sent back to {VERSION}, which still runs: a switch" in reader.types(line)
        else:
            _compare(reader.life.project, line, reader.types(line))
    assert _versions(reader) == [NEWER, NEWER, VERSION]


def _compare(project: str, line: str, said: str) -> None:
    """What the page shows of this command is what it prints."""
    shown = {
        c: text for c, text in QUICKSTART.shown().items() if c == line.partition("  #")[0].replace("RELEASE", VERSION)
    }
    for text in shown.values():
        assert shape(said.replace(project, "shop")) == shape(text), f"{line} prints\n{said}"


def _describe(reader: Reader) -> None:
    """What the page asks a person to look at after `init`: the process, the tests; and ports that are free here."""
    path = reader.directory / "greenroom.yaml"
    told = yaml.safe_load(path.read_text())
    told["release"]["version"] = {"file": "VERSION"}
    told["processes"]["web"] = {"command": "python serve.py", "listen": "socket"}
    told["checks"] = {"tests": {"command": "python -m unittest -q test_shop", "in": ["dev"]}}
    told["environments"]["dev"] = {}
    ports = free_ports("production", "staging", *(f"preview-{n}" for n in ("dev", "staging", "production")))
    for name in ("dev", "staging", "production"):
        own = (told["environments"][name] or {}) | {"preview_port": ports[f"preview-{name}"]}
        told["environments"][name] = own | {"port": reader.life.ports["dev"] if name == "dev" else ports[name]}
    told["edge"] = {"port": reader.life.ports["edge"], "ports_from": reader.life.ports["first"]}
    told["api"] = {"port": reader.life.ports["api"]}
    path.write_text(yaml.safe_dump(told, sort_keys=False))


def _versions(reader: Reader) -> list[str]:
    shown = json.loads(reader.types("greenroom status --json"))
    return [e["release"]["version"] for e in shown["environments"]]


def _reached(reader: Reader, holds: Callable[[dict[str, Any]], bool]) -> None:
    """The newest work has come so far."""
    wait_until(lambda: holds(json.loads(reader.types("greenroom work list --json"))[0]), 120)


def _lock() -> str:
    """A lock file with exact versions and hashes: one small package that this project pins too."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    found = next(p for p in packages if p["name"] == "typing-extensions")
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in found["wheels"])
    return f"typing-extensions=={found['version']} {hashes}\n"
