"""Starts and stops the process that visits production all the time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from greenroom.demo.figures import Log, read_log
from greenroom.domain.errors import Errored

START_SECONDS = 70.0
STOP_SECONDS = 75.0  # the last answers may take their time limit


class Visitors:
    """Constant traffic at `url`, `rate` requests per second, on record in `file`; it ends with this process.

    Use it in a `with`: entering returns when the first request is about to be sent.
    """

    def __init__(self, url: str, file: Path, *, rate: float = 20.0) -> None:
        self._url, self._file, self._rate = url, file, rate
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Raises Errored (`demo.traffic`) when the visitors cannot begin."""
        self._file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "greenroom.demo.traffic", self._url, str(self._file)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [*command, "--rate", str(self._rate)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + START_SECONDS
        while not self._began():
            if self._process.poll() is not None or time.monotonic() > until:
                raise self._died("did not begin")
            time.sleep(0.05)

    def mark(self, phase: str) -> None:
        """From now on the phase is called `phase`. Raises Errored (`demo.traffic`) when the visitors are gone."""
        self._order(f"mark {phase}")

    def stop(self) -> Log:
        """End it, wait for the last answers, and give out the record. Raises Errored (`demo.traffic`)."""
        self._order("stop")
        process = self._running()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise self._died("did not stop") from None
        if process.returncode:
            raise self._died("broke off")
        self._forget()
        return self.log()

    def log(self) -> Log:
        """What is on record so far."""
        with self._file.open(encoding="utf-8") as lines:
            return read_log(lines)

    def kill(self) -> None:
        """End it at once, whatever it does. Does nothing when it does not run."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._forget()

    def __enter__(self) -> Visitors:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def _began(self) -> bool:
        return self._file.exists() and self._file.stat().st_size > 0

    def _order(self, line: str) -> None:
        process = self._running()
        try:
            assert process.stdin  # noqa: S101 - it was opened as a pipe above
            process.stdin.write(line.replace("\n", " ") + "\n")
            process.stdin.flush()
        except OSError:
            raise self._died("are gone") from None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise Errored("demo.traffic", "the visitors were not started")
        return self._process

    def _died(self, what: str) -> Errored:
        """The error that says why; ends whatever is left of the process."""
        process = self._running()
        process.kill()
        _, said = process.communicate()
        self._process = None
        return Errored("demo.traffic", f"the visitors of {self._url} {what}", because=said.strip()[-600:])

    def _forget(self) -> None:
        process = self._running()
        for pipe in (process.stdin, process.stderr):
            if pipe:
                pipe.close()
        self._process = None
