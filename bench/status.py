"""`greenroom status` against a bare Python and one request: how light the client is before a real control plane."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.plane import running_plane
from tests.worlds import placed, sealed

from bench.figure import Figure
from greenroom.domain.roles import Role

ROUNDS = 15


def measure(directory: Path) -> list[Figure]:
    """Everything it takes beyond the request itself, which is measured beside it, against `python -c pass`."""
    with running_plane(directory) as plane:
        release = sealed(plane.world, "1.0")
        for environment in ("dev", "qa", "packaging", "uat", "staging"):
            placed(plane.world, release, environment)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(directory), **plane.as_role(Role.ENGINEER)}
        program = Path(sys.executable).with_name("greenroom")
        asked = urllib.request.Request(
            f"{plane.url}/api/v1/status.txt?width=120",
            headers={"Authorization": f"Bearer {env['GREENROOM_TOKEN']}"},
        )
        ours, bare, requests = [], [], []
        for _ in range(ROUNDS):  # taking turns, so that whatever else the machine does falls on all of them
            bare.append(_seconds([sys.executable, "-c", "pass"], env))
            requests.append(_request_seconds(asked))
            ours.append(_seconds([str(program), "status"], env))
    whole, request, python = (statistics.median(x) for x in (ours, requests, bare))
    how = (
        f"(greenroom status − one request) / python -c pass; medians of {ROUNDS}, taking turns, a real control plane:"
        f" {whole * 1000:.0f}, {request * 1000:.0f} and {python * 1000:.0f} ms"
    )
    return [Figure("greenroom status", (whole - request) / python, "×", 4.0, how)]


def _request_seconds(asked: urllib.request.Request) -> float:
    began = time.perf_counter()
    with urllib.request.urlopen(asked) as answer:
        assert "1.0" in answer.read().decode()
    return time.perf_counter() - began


def _seconds(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - began
