"""A promotion failed. An operator has metrics, traces and a log, no debugger: what failed, where, why, what to do?"""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.life_support import CONFIG, NO_DATABASE, SERVE, Life, living, wait_until

WATCHED = CONFIG + 'checks:\n  journey: {{command: "./journey", in: [dev]}}\n'
MIGRATION = 'migration: {style: command, command: "./migrate"}'
MIGRATE = """\
#!/usr/bin/env python3
import ctypes, os, sys, time
if os.environ["GREENROOM_ENVIRONMENT"] == "dev":
    if "VERSION" == "3.0":
        sys.exit("relation visitor does not exist")
    if "VERSION" == "4.0":
        ctypes.string_at(0)  # SIGSEGV: the first process of a sandbox cannot kill itself otherwise
    if "VERSION" == "5.0":
        time.sleep(3)
"""
JOURNEY = """\
#!/usr/bin/env python3
import sys
if "VERSION" in ("2.0", "5.0"):
    sys.exit("the basket is empty")
"""


class Operator:
    """Reads what an operator's tools read: the metrics' address, the file of traces, the control plane's log."""

    def __init__(self, life: Life) -> None:
        self.life = life

    def metric(self, name: str, **labels: str) -> float:
        known = json.loads((self.life.home.private / "api.json").read_text())
        asked = urllib.request.Request(
            f"{known['url']}/api/v1/metrics", headers={"Authorization": f"Bearer {known['token']}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{k}="{v}"' for k, v in labels.items()]
        found = [x for x in lines if x.startswith((name + "{", name + " ")) and all(w in x for w in wanted)]
        return sum(float(x.rpartition(" ")[2]) for x in found)

    def trace(self, work: str) -> list[dict[str, Any]]:
        return [
            s for s in _whole_lines(self.life.home.logs / "traces.jsonl") if s["attributes"]["greenroom.work"] == work
        ]

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        return [x for x in _whole_lines(self.life.home.logs / "control-plane.log") if wanted.items() <= x.items()]

    def whole(self, work: str) -> list[dict[str, Any]]:
        """The trace, once the work itself was told: its first span has no parent."""
        wait_until(lambda: any(s["parent_id"] is None for s in self.trace(work)))
        return self.trace(work)


def _whole_lines(file: Path) -> list[dict[str, Any]]:
    """The last one may be half written."""
    return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """Version 1.0 is in dev."""
    files = {"serve": SERVE, "migrate": MIGRATE, "journey": JOURNEY}
    with living(NO_DATABASE + "\n" + MIGRATION, config=WATCHED, files=files) as life:
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield Operator(life)


def promoted(operator: Operator, version: str) -> dict[str, Any]:
    """The promotion of this version into dev as it ended."""
    operator.life.begin_release(version)
    wait_until(lambda: of_version(operator, version) and not operator.life.unfinished())
    return of_version(operator, version)[0]


def of_version(operator: Operator, version: str) -> list[dict[str, Any]]:
    return [w for w in operator.life.works() if w["kind"] == "promotion" and w["version"] == version]


@pytest.mark.parametrize(
    ("version", "step", "code", "why"),
    [
        ("2.0", "check", "check.failed", "the basket is empty"),
        ("3.0", "migrate", "migration.failed", "relation visitor does not exist"),
        ("4.0", "migrate", "migration.failed", "signal 11"),
    ],
)
def test_a_failed_promotion_tells_its_story(operator: Operator, version: str, step: str, code: str, why: str) -> None:
    """Which release, environment and step, why, when and what to do, from each of the three, and they agree."""
    before = operator.metric("greenroom_work_ended_total", kind="promotion", environment="dev", state="rolled_back")
    work = promoted(operator, version)
    assert work["state"] == "rolled_back"

    trace = operator.whole(work["id"])
    root = next(s for s in trace if s["parent_id"] is None)
    failed = next(s for s in trace if s["status"]["status_code"] == "ERROR" and s["parent_id"])
    assert (root["name"], failed["name"]) == ("promotion dev", step)
    assert root["attributes"]["greenroom.release"] == work["release"]
    assert root["attributes"]["greenroom.outcome"] == "rolled_back"
    assert failed["attributes"]["error.type"] == root["attributes"]["error.type"] == code
    assert failed["attributes"]["greenroom.next"]
    assert version in failed["status"]["description"]
    assert root["start_time"] <= failed["start_time"] <= failed["end_time"] <= root["end_time"]
    undone = [s["name"] for s in trace if s["name"].startswith("undo ")]
    assert undone[0] == f"undo {step}"
    assert len({s["context"]["trace_id"] for s in trace}) == 1

    counted = operator.metric("greenroom_work_ended_total", kind="promotion", environment="dev", state="rolled_back")
    assert counted == before + 1
    assert operator.metric("greenroom_step_seconds_count", kind="promotion", step=step, outcome="failed") >= 1
    assert operator.metric("greenroom_environment_up", environment="dev") == 1

    (said,) = operator.log(event="step.failed", work=work["id"])
    (ended,) = operator.log(event="work.ended", work=work["id"])
    assert (said["environment"], said["step"], said["code"], said["level"]) == ("dev", step, code, "warning")
    assert why in said["because"]
    assert said["next"]
    assert (ended["state"], ended["release"], ended["code"]) == ("rolled_back", work["release"], code)
    assert f"0x{said['trace']}" == failed["context"]["trace_id"]
    assert said["timestamp"] <= ended["timestamp"]


def test_the_story_is_whole_although_the_control_plane_was_killed(operator: Operator) -> None:
    """kill -9 in the middle of the migration, and then the check says no: one trace from the beginning to the end."""
    operator.life.begin_release("5.0")
    wait_until(lambda: any(w["step"] == "migrate" for w in operator.life.unfinished()))
    pid = operator.life.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not operator.life.unfinished())
    (work,) = of_version(operator, "5.0")
    trace = operator.whole(work["id"])
    forward = ["restore-point", "prepare", "migrate", "start", "check"]
    assert [n for n in forward if n in {s["name"] for s in trace}] == forward
    assert next(s for s in trace if s["parent_id"] is None)["attributes"]["error.type"] == "check.failed"
    assert operator.metric("greenroom_work_ended_total", state="rolled_back") == 1  # counters begin with each life
    assert len(operator.log(event="serving")) == 2


def test_what_visitors_met_is_counted_by_environment(operator: Operator) -> None:
    """Requests at the edge by status, processes that were started again, parts that could be read."""
    before = operator.metric("greenroom_edge_requests_total", environment="dev", status="200")
    for _ in range(5):
        assert operator.life.visit() is not None
    wait_until(lambda: operator.metric("greenroom_edge_requests_total", environment="dev", status="200") >= before + 5)
    assert operator.metric("greenroom_part_up") == 4
    exits = operator.metric("greenroom_instance_exits", environment="dev", process="web")
    pid = next(s.pid for s in operator.life.keeper.all() if s.name.startswith("app/"))
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: operator.metric("greenroom_instance_exits", environment="dev", process="web") == exits + 1)
