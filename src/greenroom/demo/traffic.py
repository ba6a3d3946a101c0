"""Constant real visitors at an address, in a process of their own, every request on record.

    python -m greenroom.demo.traffic http://127.0.0.1:8486 traffic.jsonl --rate 20

Requests are sent by the clock, whether or not earlier ones were answered, so a slow application cannot hide its
slowness. It reads orders from standard input, one a line: `mark NAME` begins a phase, `stop` (or the end of the
input) ends it. Lines of the file: {"at", "seconds", "kind", "status", "failed", "error"}, {"at", "mark"}, and
last {"at", "end"}; `at` is in seconds since it began.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import random
import sys
import time
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

from greenroom.demo.browser import Browser
from greenroom.demo.http import Broken, Pool, Request
from greenroom.domain.errors import GreenroomError

SECONDS_PER_REQUEST = 60.0
ROUND = ("home", "bill", "static", "members", "login-page", "bill", "home", "project", "static", "members")
"""One round of requests."""

ROUNDS_PER_HASH = 16
"""Once in so many rounds a visitor shows the private code instead of a token: a tenth of a second of hashing, so less
than one in a hundred, or the 99th percentile would measure nothing else."""


class Account:
    """A project of the application, made for this traffic."""

    def __init__(self, url: str, key: str) -> None:
        """Start the project. Raises Refused (`demo.wrong_answer`), Errored (`demo.no_answer`)."""
        self.id, password = f"traffic-{key}", key[::-1]
        self.api = f"/api/projects/{self.id}"
        self.basic = "Basic " + base64.b64encode(f"{self.id}:{password}".encode()).decode()
        form = {"name": self.id, "id": self.id, "password": password, "contact_email": f"{self.id}@example.com"}
        with Browser(url) as browser:
            browser.post("/api/projects", {**form, "default_currency": "XXX"}, expect=201)
            shown = {"Authorization": self.basic}
            self.bearer = "Bearer " + json.loads(browser.get(f"{self.api}/token", headers=shown).text)["token"]
            shown = {"Authorization": self.bearer}
            self.members = [
                browser.post(f"{self.api}/members", {"name": name}, expect=201, headers=shown).text.strip()
                for name in ("Mira", "Noor")
            ]

    def request(self, number: int) -> Request:
        """The request with this number; those of every other round have a connection of their own."""
        kind, keep = ROUND[number % len(ROUND)], bool(number // len(ROUND) % 2)
        authorization = (("Authorization", self.bearer),)
        if kind == "bill":
            return self._bill(number, keep)
        if kind == "members":
            return Request(kind, "GET", f"{self.api}/members", headers=authorization, keep=keep)
        if kind == "project":
            return Request(kind, "GET", self.api, headers=authorization, keep=keep)
        path = {"home": "/", "login-page": "/authenticate", "static": "/static/css/main.css"}[kind]
        return Request(kind, "GET", path, keep=keep)

    def _bill(self, number: int, keep: bool) -> Request:
        form = {
            "what": f"Visit {number}",
            "date": "2026-03-01",
            "payer": self.members[0],
            "payed_for": self.members,
            "amount": f"{number % 90 + 1}.25",
            "original_currency": "XXX",
            "bill_type": "Expense",
        }
        shown = self.basic if number % (len(ROUND) * ROUNDS_PER_HASH) == 1 else self.bearer
        headers = (("Authorization", shown), ("Content-Type", "application/x-www-form-urlencoded"))
        return Request("bill", "POST", f"{self.api}/bills", 201, headers, urlencode(form, doseq=True).encode(), keep)


class Record:
    """The file of lines; each is written at once, so that nothing is lost with the process."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._began = file, time.monotonic()

    def now(self) -> float:
        return round(time.monotonic() - self._began, 6)

    def write(self, at: float, **line: Any) -> None:
        self._file.write(json.dumps({"at": at, **line}) + "\n")
        self._file.flush()


async def visit(pool: Pool, request: Request, record: Record) -> None:
    """Send one request and record what a visitor got: no answer, a late one or another than expected is a failure."""
    at, status, error = record.now(), 0, ""
    try:
        async with asyncio.timeout(SECONDS_PER_REQUEST):
            answer = await pool.send(request)
        status = answer.status
        if status != request.expect:
            error = f"answered {status}, not {request.expect}: {answer.body[:200].decode('utf-8', 'replace')}"
    except TimeoutError:
        error = f"no answer within {SECONDS_PER_REQUEST:g} s"
    except (OSError, Broken) as broken:
        error = repr(broken)
    seconds = round(record.now() - at, 6)
    record.write(at, seconds=seconds, kind=request.kind, status=status, failed=bool(error), error=error)


async def visits(url: str, account: Account, rate: float, record: Record) -> None:
    """Requests by the clock until told to stop; then the answers that are still out are waited for."""
    orders = asyncio.create_task(_obey(record))
    loop, pool = asyncio.get_running_loop(), Pool(url)
    began, out = loop.time(), set[asyncio.Task[None]]()
    for number in itertools.count():
        await asyncio.wait({orders}, timeout=max(began + number / rate - loop.time(), 0))
        if orders.done():
            break
        task = asyncio.create_task(visit(pool, account.request(number), record))
        out.add(task)
        task.add_done_callback(out.discard)
    orders.result()
    await asyncio.gather(*out)
    await pool.close()


async def _obey(record: Record) -> None:
    """Read orders until `stop` or the end: who started us may be gone, and nobody wants visitors then."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        word, _, rest = line.partition(" ")
        if word == "stop":
            return
        if word == "mark":
            record.write(record.now(), mark=rest)


def main() -> int:
    """Exit code 0 when it was told to stop; 1 when the application would not take the first project."""
    options = argparse.ArgumentParser(prog="greenroom.demo.traffic", description="constant visitors, on record")
    options.add_argument("url")
    options.add_argument("file", type=Path)
    options.add_argument("--rate", type=float, default=20.0, help="requests per second")
    given = options.parse_args()
    key = f"{random.SystemRandom().getrandbits(64):016x}"
    try:
        account = Account(given.url, key)
    except GreenroomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    with given.file.open("w", encoding="utf-8") as file:
        record = Record(file)
        record.write(record.now(), mark="start")
        asyncio.run(visits(given.url, account, given.rate, record))
        record.write(record.now(), end=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
