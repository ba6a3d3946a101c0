"""`greenroom status` against a bare Python: how light the client is."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.figure import Figure

ROUNDS = 15
TEXT = b"dev 1.0 -> qa 1.0\n" * 12


class Answer(BaseHTTPRequestHandler):
    """Stands for the control plane: its own time is not the client's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        self.wfile.write(TEXT)

    def log_message(self, *arguments: object) -> None:
        pass


def measure(directory: Path) -> list[Figure]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "GREENROOM_URL": f"http://127.0.0.1:{server.server_port}",
        "GREENROOM_TOKEN": "gr_bench",
    }
    program = Path(sys.executable).with_name("greenroom")
    ours, bare = [], []
    for _ in range(ROUNDS):  # taking turns, so that whatever else the machine does falls on both
        bare.append(_seconds([sys.executable, "-c", "pass"], env))
        ours.append(_seconds([str(program), "status"], env))
    server.shutdown()
    ratio = statistics.median(ours) / statistics.median(bare)
    how = f"median of {ROUNDS}, taking turns; against `python -c pass`, a canned answer on loopback"
    return [Figure("greenroom status", ratio, "×", 4.0, json.dumps(how)[1:-1])]


def _seconds(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - began
