"""Reading the access log: the same answer as reading all of it, for the price of the span asked for."""

from __future__ import annotations

import json
import math
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.adapters.caddy import traffic
from greenroom.adapters.caddy.traffic import percentile, report

START = datetime(2020, 11, 23, 9, 0, tzinfo=UTC)  # before any file of a test was written


def line(at: float, **more: object) -> bytes:
    entry = {
        "level": "info",
        "ts": START.timestamp() + at,
        "request": {"uri": '/"env":"production"'},
        "status": 200,
        "duration": 0.1,
        "env": "production",
        "door": "site",
        "release": "r-1",
    }
    return json.dumps(entry | more, separators=(",", ":")).encode() + b"\n"


def span(log: Path, since: float, until: float) -> dict[str, tuple[int, int]]:
    found = report(log, "production", START + timedelta(seconds=since), START + timedelta(seconds=until))
    return {t.release: (t.requests, t.failed) for t in found.releases}


entries = st.tuples(
    st.floats(0, 1.9),
    st.sampled_from([0, 200, 302, 404, 499, 500, 503]),
    st.sampled_from(["r-1", "r-2", ""]),
    st.sampled_from(["production", "staging"]),
    st.sampled_from(["site", "preview"]),
    st.integers(0, 3000),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries, max_size=60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 3))
def test_it_equals_reading_everything(tmp_path: Path, made: list, since: int, length: int, rotated: int) -> None:
    """Whatever the lines (jittered, long, of others), the span and the rotation: as if every line were looked at."""
    lines, expected = [], {}
    for n, (jitter, status, release, env, door, padding) in enumerate(made):
        at = n + jitter
        lines.append(line(at, status=status, release=release, env=env, door=door, user_agent="x" * padding))
        if since <= at < since + length and release and (env, door) == ("production", "site"):
            requests, failed = expected.get(release, (0, 0))
            expected[release] = (requests + 1, failed + (status == 0 or status >= 500))
    for old in tmp_path.iterdir():
        old.unlink()
    size = math.ceil(len(lines) / (rotated + 1)) or 1
    for n in range(rotated):
        (tmp_path / f"access-2020-0{n}.json").write_bytes(b"".join(lines[n * size : (n + 1) * size]))
    (tmp_path / "access.json").write_bytes(b"".join(lines[rotated * size :]))
    assert span(tmp_path / "access.json", since, since + length) == expected


def test_a_line_still_being_written_is_left(tmp_path: Path) -> None:
    """Half a last line does not count and does not disturb; once whole, it counts."""
    log = tmp_path / "access.json"
    log.write_bytes(line(1) + line(2)[:40])
    assert span(log, 0, 10) == {"r-1": (1, 0)}
    log.write_bytes(line(1) + line(2))
    assert span(log, 0, 10) == {"r-1": (2, 0)}


@pytest.mark.parametrize(
    "junk", [b"\x00" * 5000 + b"\n", b"not json\n", b"[1]\n", b'{"ts":"no"}\n', b"\xff\xfe\n", b"{" * 3000 + b"\n"]
)
def test_damaged_lines_are_passed_over(tmp_path: Path, junk: bytes) -> None:
    """What a full disk or a kill left in the middle hides no other line."""
    log = tmp_path / "access.json"
    log.write_bytes(b"".join(line(n) + junk for n in range(100)))
    assert span(log, 50, 60) == {"r-1": (10, 0)}


def test_a_visitor_cannot_write_the_log(tmp_path: Path) -> None:
    """An address that looks like our field is text of the address: it counts for the environment that served it."""
    log = tmp_path / "access.json"
    log.write_bytes(line(1, env="staging"))
    assert span(log, 0, 10) == {}


def test_no_log_yet(tmp_path: Path) -> None:
    """An edge nobody visited has no log, and no traffic."""
    assert span(tmp_path / "access.json", 0, 10) == {}


def test_waits_and_streams_do_not_count_as_slowness(tmp_path: Path) -> None:
    """They are requests, but their durations are not the release's."""
    log = tmp_path / "access.json"
    slow = [{"held": "yes"}, {"status": 101}, {"content_type": "text/event-stream; charset=utf-8"}]
    log.write_bytes(b"".join(line(n, duration=99.0, **more) for n, more in enumerate(slow)) + line(5, duration=0.2))
    found = report(log, "production", START, START + timedelta(seconds=10)).of("r-1")
    assert (found.requests, found.failed, found.p50, found.p99) == (4, 0, 0.2, 0.2)


def test_a_short_span_of_a_long_log_is_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of lines looked at grows with the span, and only with the logarithm of the log."""
    log = tmp_path / "access.json"
    log.write_bytes(b"".join(line(n / 10) for n in range(50_000)))
    looked = 0
    real = traffic.parsed

    def counting(text: bytes) -> dict[str, object] | None:
        nonlocal looked
        looked += 1
        return real(text)

    monkeypatch.setattr(traffic, "parsed", counting)
    assert span(log, 4000, 4001) == {"r-1": (10, 0)}
    assert looked < 1500


def test_old_files_are_not_opened(tmp_path: Path) -> None:
    """A rotated file that ended before the span is not read at all."""
    old = tmp_path / "access-2020-01.json"
    old.write_bytes(line(1))
    os.utime(old, (START.timestamp(), START.timestamp()))
    assert span(tmp_path / "access.json", 1, 10) == {"r-1": (1, 0)}
    assert span(tmp_path / "access.json", 100, 110) == {}


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.1, 100))
def test_percentile(values: list[float], percent: float) -> None:
    """The smallest value that at least that part of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert sum(v <= found for v in ordered) >= len(ordered) * percent / 100 - 1e-9
    assert found in ordered and percentile([], percent) == 0.0
    assert percentile(random.sample([1.0, 2.0, 3.0], 1), percent) > 0
