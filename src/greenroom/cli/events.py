"""A work's server-sent events, read; picked up again where they were when the connection or the control plane goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from greenroom.domain.errors import from_dict

if TYPE_CHECKING:
    from greenroom.cli.client import Client

PATIENCE_SECONDS = 120.0
"""A control plane that restarts is back within seconds; the work goes on meanwhile or afterwards."""


class Event(NamedTuple):
    name: str
    data: dict[str, Any]


def follow(client: Client, work_id: str) -> Iterator[Event]:
    """`state`, `line`, `step`, `beat` while nothing happens, and at last `end`. Raises what is refused, and Unreachable
    after a while."""
    from greenroom.cli.client import QUIET_SECONDS, Unreachable

    last: str | None = None
    silent_since: float | None = None
    while True:
        try:
            headers = {"Last-Event-ID": last} if last else None
            for identifier, event in parse(
                client.lines("work", work_id, "events", headers=headers, quiet=QUIET_SECONDS)
            ):
                last, silent_since = identifier or last, None
                if event.name == "error":
                    raise from_dict(event.data)
                yield event
                if event.name == "end":
                    return
        except Unreachable:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > PATIENCE_SECONDS:
                raise
        time.sleep(0.5)


def parse(lines: Iterator[str]) -> Iterator[tuple[str, Event]]:
    """Events with their identifiers (WHATWG HTML, 9.2.6). A comment, which says that nothing happened, is a `beat`;
    what is not ours is passed over."""
    identifier, name, data = "", "", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line.startswith(":"):
            yield "", Event("beat", {})
        elif line == "" and name and data:
            yield identifier, Event(name, json.loads(data))
            name, data = "", ""
        elif field == "id":
            identifier = value
        elif field == "event":
            name = value
        elif field == "data":
            data += value
