"""An application with a database that misbehaves in dev by the name of its version, and nowhere else.

The versions: `good…` does nothing wrong; each other one is a word of `SERVE`, `MIGRATE` or `JOURNEY`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.secret import parts
from tests.life_support import Life, below, wait_until

CONFIG = """\
project: {project}
release: {{version: "{version}", language: none, executables: [python3, psql]}}
processes:
  web: {{command: "./serve", stop: 2s}}
migration: {{style: command, command: "./migrate", timeout: 10s{data}}}
health: {{path: /health, boot: 12s, request: 4s}}
services: {{postgres: 18}}
config:
  API_KEY: {{secret: true, generate: true}}
checks:
  journey: {{command: "./journey", in: [dev], timeout: 30s}}
environments:
  dev:
    port: {dev}
    preview_port: {preview}
    errors: friendly
    drain: 5s
    gates: {{checks: {{none_needed: it is tiny}}}}
edge: {{port: {edge}, ports_from: {first}}}
api: {{port: {api}}}
"""

SERVE = """\
#!/usr/bin/env python3
import http.server, os, signal, socketserver, subprocess, sys, threading, time

HOW = "VERSION".partition("-")[0] if os.environ["GREENROOM_ENVIRONMENT"] == "dev" else "good"
KEY, URL = os.environ["API_KEY"], os.environ["DATABASE_URL"]
PASSWORD = URL.split("@")[0].rpartition(":")[2]
LEAK = f"key {KEY}, url {URL}, password {PASSWORD}\\n"
LIFE = "MARK"  # what our children are known by

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            if HOW == "sick":
                return self.answer(503)
            self.answer(200)
            if HOW == "once":
                os._exit(0)
        elif self.path == "/leak":
            self.answer(500 if HOW == "trace" else 200, LEAK)
        elif self.path == "/slow":
            time.sleep(1.5)
            self.answer(200, "slow VERSION")
        elif self.path == "/big":
            self.send_response(200)
            self.send_header("Content-Length", str(100 << 20))
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x" * (1 << 20))
        elif self.path == "/malformed":
            self.wfile.write(b"HTP/9 what\\r\\n\\r\\n")
            self.close_connection = True
        elif self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\nhalf")
            self.close_connection = True
        elif self.path in ("/events", "/endless"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if self.path == "/events" else "text/plain")
            self.send_header("Connection", "close")
            self.end_headers()
            while True:
                self.wfile.write(b"data: VERSION\\n\\n")
                self.wfile.flush()
                time.sleep(0.1)
        elif self.path == "/socket":
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\\r\\n")
            self.wfile.write(b"Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
            while data := self.connection.recv(100):
                self.connection.sendall(data)
            self.close_connection = True
        elif HOW == "broken":
            self.answer(500, LEAK)
        else:
            self.answer(200, "VERSION")

    def answer(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Debug", PASSWORD if HOW == "broken" else "none")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *words):
        pass

    def address_string(self):
        return "socket"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

def flood():
    line = ("x" * 199 + "\\n") * 5000
    while True:  # some 20 MB a second
        sys.stdout.write(line)
        time.sleep(0.05)

if HOW in ("leaky", "sick"):
    print("starting with", LEAK, flush=True)
    print("a line without end: " + "." * 9000 + KEY, flush=True)
if HOW == "exits":
    sys.exit("cannot start: " + LEAK)
if HOW == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if HOW == "forks":
    for _ in range(3):
        subprocess.Popen(["python3", "-c", f"import os, time; os.setsid(); os.fork(); time.sleep(900) # {LIFE}"])
if HOW == "flood":
    threading.Thread(target=flood, daemon=True).start()
Server(os.environ["GREENROOM_SOCKET"], Answer).serve_forever()
"""

MIGRATE = """\
#!/usr/bin/env python3
import ctypes, os, subprocess, sys, time
PSQL = "/usr/lib/postgresql/15/bin/psql"  # not the wrapper in /usr/bin, which reads its own modules

IN_DEV = os.environ["GREENROOM_ENVIRONMENT"] == "dev"
HOW = "VERSION".partition("-")[0] if IN_DEV else "good"
URL = os.environ["DATABASE_URL"]

def psql(*words):
    return subprocess.run([PSQL, URL + "?gssencmode=disable", "-qX", "-v", "ON_ERROR_STOP=1", *words]).returncode

psql("-c", "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS visitor (id serial PRIMARY KEY, name text)")
if HOW == "says":
    sys.exit(f"cannot migrate {URL}, key {os.environ['API_KEY']}, password {URL.split('@')[0].rpartition(':')[2]}")
if HOW == "half":  # in a transaction: all or nothing
    sys.exit(psql("-1", "-c", "CREATE TABLE half (id int)", "-c", "ALTER TABLE nowhere ADD x int"))
if HOW == "torn":  # without: the first half stays
    psql("-c", "CREATE TABLE torn (id int)")
    sys.exit(psql("-c", "ALTER TABLE nowhere ADD x int"))
if HOW == "hangs":
    subprocess.Popen(["python3", "-c", "import os, time; os.setsid(); time.sleep(900) # MARK"])
    time.sleep(600)
if HOW == "killed":
    psql("-c", "CREATE TABLE killed (id int)")
    ctypes.string_at(0)  # SIGSEGV: the first process of a sandbox cannot kill itself otherwise
"""

JOURNEY = """\
#!/usr/bin/env python3
import os, sys, urllib.request
url = os.environ["GREENROOM_URL"]
with urllib.request.urlopen(url + "/leak" if "VERSION" == "tells" else url, timeout=25) as answer:
    text = answer.read().decode()
if "VERSION" == "tells":
    sys.exit("the page says " + text)
"""


def files(mark: str) -> dict[str, str]:
    """The application's files; `mark` is in the command lines of whatever it leaves running."""
    return {name: text.replace("MARK", mark) for name, text in _FILES.items()}


_FILES = {"serve": SERVE, "migrate": MIGRATE, "journey": JOURNEY}


def promoted(life: Life, version: str) -> dict[str, Any]:
    """The promotion of this version into dev, as it ended."""
    life.begin_release(version)

    def found() -> list[dict[str, Any]]:
        return [w for w in life.works() if w["kind"] == "promotion" and w["version"] == version]

    wait_until(lambda: found() and not life.unfinished())
    return dict(life.api(f"work/{found()[0]['id']}"))


def secrets_of(life: Life) -> set[str]:
    """Every text that nobody may be shown of dev: its secret and its database's passwords."""
    kept = [*FileSecrets(life.home).values("dev").values(), *FileSecrets(life.home, "database").values("dev").values()]
    found = {s.reveal() for s in parts(kept)}
    assert len(found) >= 2
    return found


def everything_shown(life: Life) -> dict[str, str]:
    """All that Greenroom shows, stores or sends: what its commands print, its store, ledger, logs, traces."""
    commands: list[tuple[str, ...]] = [
        ("logs", "dev", "--lines", "5000"),
        ("logs", "dev", "--lines", "5000", "--json"),
        ("status", "--json"),
        ("ledger", "export"),
        ("doctor", "--json"),
        ("work", "show", life.works()[0]["id"], "--json"),
    ]
    shown = {" ".join(words): (ran := life.run(*words)).stdout + ran.stderr for words in commands}
    for work in life.works():
        shown[f"evidence of {work['id']}"] = json.dumps(life.api(f"work/{work['id']}"))
    for file in (*life.home.root.glob("greenroom.db*"), *life.home.logs.glob("*")):
        shown[file.name] = file.read_bytes().decode(errors="replace")
    for file in (life.home.environments / "dev" / "logs").glob("*.log"):
        if not file.name.startswith("dev."):  # what a kept process wrote itself: see docs/operate/security.md
            shown[file.name] = file.read_text(errors="replace")
    return shown


def leaks(life: Life) -> list[str]:
    """Where any of the secrets stands, in words."""
    secret = secrets_of(life)
    return [name for name, text in everything_shown(life).items() if any(s in text for s in secret)]


def disk_use(directory: Path) -> int:
    """Bytes; files that are rotated away meanwhile take none."""
    found = 0
    for path in below(directory):
        with suppress(FileNotFoundError):
            found += path.lstat().st_blocks * 512
    return found
