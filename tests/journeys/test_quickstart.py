"""The quickstart, followed word for word with an application of one's own: it works, and prints what it shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, page, shape
from tests.life_support import GREENROOM, Life, free_ports, living

QUICKSTART = page("docs/quickstart.md")
VERSION = "1.0"
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
        self.directory = life.root / "shop"
        self.url = f"http://127.0.0.1:{life.ports['api']}"
        self.token = ""

    def types(self, line: str, *, expected: int = 0, home: Path | None = None, answer: str = "") -> str:
        """Run a line of the page, with what it leaves to the reader filled in; its output."""
        words = shlex.split(line.partition("  #")[0].replace("RELEASE", VERSION))
        words = [self.url if w.startswith("http://127.0.0.1:") else w for w in words]
        env = {**os.environ, "PATH": f"{GREENROOM.parent}:{os.environ['PATH']}"}
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
        life.project = "shop"
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
            reader.types(line, home=maria, answer=reader.token + "\n")
        elif line == "greenroom rollback production":
            _ended(reader)
            said = reader.types(line, expected=1)  # it is the first release there
            assert "rollback.nothing_older" in said
        else:
            _compare(line, reader.types(line))
    shown = json.loads(reader.types("greenroom status --json"))
    assert [e["release"]["version"] for e in shown["environments"]] == [VERSION] * 3


def _compare(line: str, said: str) -> None:
    """What the page shows of this command is what it prints."""
    shown = {
        c: text for c, text in QUICKSTART.shown().items() if c == line.partition("  #")[0].replace("RELEASE", VERSION)
    }
    for text in shown.values():
        assert shape(said) == shape(text), f"{line} prints\n{said}"


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


def _ended(reader: Reader) -> None:
    """Her yes lets the promotion go on by itself: wait until it has."""
    works = json.loads(reader.types("greenroom work list --json"))
    reader.types(f"greenroom work show {works[0]['id']} --wait")


def _lock() -> str:
    """A lock file with exact versions and hashes: one small package that this project pins too."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    found = next(p for p in packages if p["name"] == "typing-extensions")
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in found["wheels"])
    return f"typing-extensions=={found['version']} {hashes}\n"
