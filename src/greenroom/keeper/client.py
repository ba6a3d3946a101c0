"""Talking to the keeper, and making sure that there is one."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from greenroom.keeper.records import as_json
from greenroom.keeper.spec import Fence, KeeperRefused, KeeperUnavailable, Spec, SpecDiffers, StaleFence, Status

ANSWER_SECONDS = 20.0
START_SECONDS = 20.0
_ERRORS = {e.__name__: e for e in (SpecDiffers, StaleFence, KeeperRefused, KeeperUnavailable)}


class KeeperClient:
    """The `Keeper` behind the socket in `directory`. One connection per call, so it may be used from any thread.

    `heal` starts a keeper when none answers, and asks again: every call may be repeated without harm.
    """

    def __init__(self, directory: Path, *, heal: bool = False) -> None:
        self.directory = directory
        self._heal = heal

    def start(self, spec: Spec, *, fence: Fence | None = None) -> Status:
        return _status(self._ask({"op": "start", "spec": as_json(spec), "fence": _told(fence)}))

    def stop(self, name: str, *, seconds: float | None = None, fence: Fence | None = None) -> Status:
        """Signal, wait, kill; returns when it is gone and forgotten. Unknown names are fine."""
        request = {"op": "stop", "name": name, "seconds": seconds, "fence": _told(fence)}
        return _status(self._ask(request, patience=None))

    def fences(self) -> dict[str, int]:
        """Nothing from a keeper of an older Greenroom, which goes on and knows none."""
        return {str(k): int(v) for k, v in self.ping().get("fences", {}).items()}

    def signal(self, name: str, signal: str) -> None:
        self._ask({"op": "signal", "name": name, "signal": signal})

    def status(self, name: str) -> Status:
        return _status(self._ask({"op": "status", "name": name}))

    def all(self) -> list[Status]:
        return [_status(s) for s in self._ask({"op": "all"})]

    def answers(self) -> bool:
        """True if a keeper is there now; never starts one, whatever `heal` says."""
        try:
            self._ask_once({"op": "ping"}, ANSWER_SECONDS)
        except KeeperUnavailable:
            return False
        return True

    def ping(self) -> dict[str, Any]:
        """The keeper's `pid`, its `protocol` version, and the records it left alone (`strange`: name → why)."""
        answer: dict[str, Any] = self._ask({"op": "ping"})
        return answer

    def rank(self, name: str, *, stands_back: bool, fence: Fence | None = None) -> None:
        with suppress(KeeperRefused):  # by a keeper of an older Greenroom, which goes on: nothing stands back there
            self._ask({"op": "rank", "name": name, "stands_back": stands_back, "fence": _told(fence)})

    def wake(self) -> None:
        """What rests since a keeper began `at_rest` is started. Nothing to do where none does."""
        with suppress(KeeperRefused):  # by a keeper of an older Greenroom, which goes on: it never rests
            self._ask({"op": "wake"})

    def shutdown(self, *, stop_children: bool) -> None:
        """End the keeper, and what it keeps or not. Returns when it is gone; none there is fine."""
        plain = KeeperClient(self.directory)
        try:
            pid = int(plain.ping()["pid"])
            fd = os.pidfd_open(pid)
        except (KeeperUnavailable, ProcessLookupError):
            return
        try:
            plain._ask({"op": "shutdown", "stop_children": stop_children}, patience=None)
            _wait_for_end(fd)
        finally:
            os.close(fd)

    def _ask(self, request: dict[str, Any], *, patience: float | None = ANSWER_SECONDS) -> Any:
        try:
            answer = self._ask_once(request, patience)
        except KeeperUnavailable:  # none there, or it died before it could answer
            if not self._heal:
                raise
            ensure_keeper(self.directory)
            answer = self._ask_once(request, patience)
        if "error" in answer:
            raise _ERRORS.get(answer["error"], KeeperUnavailable)(answer["text"])
        return answer["ok"]

    def _ask_once(self, request: dict[str, Any], patience: float | None) -> dict[str, Any]:
        with self._connect() as connection:
            connection.settimeout(patience)
            return _exchange(connection, request)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(5)
            connection.connect(str(self.directory / "keeper.sock"))
        except OSError as error:
            connection.close()
            raise KeeperUnavailable(f"no keeper answers in {self.directory}: {error}") from error
        return connection


def ensure_keeper(directory: Path, *, at_rest: bool = False) -> KeeperClient:
    """A keeper of `directory` runs from now on, detached from the caller; several callers at once start one.

    `at_rest`: one that has to be started adopts what runs and starts nothing that died until `wake`.
    Raises KeeperUnavailable with what the new keeper said when it could not start.
    """
    client = KeeperClient(directory, heal=True)
    try:
        KeeperClient(directory).ping()
        return client
    except KeeperUnavailable:
        pass
    _launch(directory, at_rest=at_rest)
    _await_answer(directory, at_rest=at_rest)
    return client


def left_behind(directory: Path) -> bool:
    """True when a keeper that is there no longer kept something: it may run still."""
    return any((directory / "specs").glob("[!.]*.json"))


def _launch(directory: Path, *, at_rest: bool) -> None:
    kept = {k: os.environ[k] for k in ("PATH", "GREENROOM_CRASH_AT") if k in os.environ}
    command = [sys.executable, "-I", str(Path(__file__).parent), *["--at-rest"][:at_rest], str(directory)]
    try:
        done = subprocess.run(
            command, env={"LANG": "C.UTF-8", **kept}, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=START_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise KeeperUnavailable(f"the keeper of {directory} did not come up in {START_SECONDS:g} s") from error
    if done.returncode != 0:
        raise KeeperUnavailable(f"the keeper of {directory} could not start: {done.stderr.strip()[-500:]}")


def _await_answer(directory: Path, *, at_rest: bool) -> None:
    """Another keeper may hold the lock and not listen yet, or be just ending."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            KeeperClient(directory).ping()
            return
        except KeeperUnavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)
        _launch(directory, at_rest=at_rest)


def _exchange(connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
    try:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            line = lines.readline()
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise KeeperUnavailable(f"the keeper did not answer {request['op']}: {error}") from error
    if not isinstance(answer, dict):
        raise KeeperUnavailable("the keeper's answer cannot be read")
    return answer


def _told(fence: Fence | None) -> dict[str, Any] | None:
    return None if fence is None else dataclasses.asdict(fence)


def _status(data: dict[str, Any]) -> Status:
    known = {f.name for f in dataclasses.fields(Status)}
    return Status(**{k: v for k, v in data.items() if k in known})


def _wait_for_end(fd: int) -> None:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    if not poller.poll(ANSWER_SECONDS * 1000):
        raise KeeperUnavailable("the keeper said it would end, and did not")
