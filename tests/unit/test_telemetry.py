"""Exporters chosen by the standard variables, a bounded file, a log that machines read."""

from __future__ import annotations

import contextlib
import http.server
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from greenroom.adapters.telemetry import logs
from greenroom.adapters.telemetry.otel import FileExporter, NoTraces, OtelTraces, traces_of
from greenroom.domain.errors import Errored
from greenroom.domain.trace import Span

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SPAN = Span(5, 6, None, "promotion qa", AT, AT + timedelta(seconds=2.5), {"greenroom.work": "p-1"}, "refused: no")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(x) for x in path.read_text().splitlines()]


def test_without_a_word_spans_go_to_a_private_file(tmp_path: Path) -> None:
    """One JSON object a line, as the SDK writes it, readable by its owner alone."""
    traces_of({}, tmp_path).tell([SPAN, SPAN])
    found = lines(tmp_path / "traces.jsonl")
    assert len(found) == 2
    assert found[0]["name"] == "promotion qa"
    assert found[0]["start_time"] == "2026-11-23T09:00:00.000000Z"
    assert found[0]["end_time"] == "2026-11-23T09:00:02.500000Z"
    assert found[0]["status"] == {"status_code": "ERROR", "description": "refused: no"}
    assert found[0]["context"]["trace_id"] == f"0x{5:032x}"  # type: ignore[index]
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_file_is_bounded(tmp_path: Path) -> None:
    """Three files at most, however much is told."""
    told = OtelTraces(FileExporter(tmp_path / "t.jsonl", most_bytes=2000))
    for _ in range(50):
        told.tell([SPAN])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.jsonl", "t.jsonl.1", "t.jsonl.2"]
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 9000


@pytest.mark.parametrize("env", [{"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_it_can_be_switched_off(env: dict[str, str], tmp_path: Path) -> None:
    """By either variable of the specification; then nothing is written."""
    found = traces_of(env, tmp_path)
    found.tell([SPAN])
    assert isinstance(found, NoTraces)
    assert list(tmp_path.iterdir()) == []


def test_an_exporter_nobody_knows_is_said_and_keeps_nothing_from_starting(tmp_path: Path) -> None:
    """The file takes its place."""
    with structlog.testing.capture_logs() as said:
        traces_of({"OTEL_TRACES_EXPORTER": "zapkin"}, tmp_path).tell([SPAN])
    assert [(x["event"], x["exporter"]) for x in said] == [("telemetry.exporter_unusable", "zapkin")]
    assert len(lines(tmp_path / "traces.jsonl")) == 1


def test_our_name_gives_way_to_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are in every span."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "greenroom-berlin")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=live")
    traces_of({}, tmp_path).tell([SPAN])
    resource = lines(tmp_path / "traces.jsonl")[0]["resource"]["attributes"]  # type: ignore[index]
    assert resource["service.name"] == "greenroom-berlin"
    assert resource["deployment.environment.name"] == "live"


@contextlib.contextmanager
def collector(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """A collector for OTLP over HTTP; what it was sent."""
    got: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.path.encode() + b" " + self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 400])
def test_otlp_reaches_the_collector(status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the endpoint that the variables name; a collector that refuses is an error, and nothing is forgotten."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    with collector(status) as (url, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        traces = traces_of({"OTEL_TRACES_EXPORTER": "otlp"}, tmp_path)
        if status == 200:
            traces.tell([SPAN])
        else:
            with pytest.raises(Errored, match="could not be told"):
                traces.tell([SPAN])
    path, _, body = got[0].partition(b" ")
    sent = ExportTraceServiceRequest.FromString(body)
    assert path == b"/v1/traces"
    assert [s.name for r in sent.resource_spans for c in r.scope_spans for s in c.spans] == ["promotion qa"]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Path, list[tuple[str, str]]]]:
    """The control plane's log, and what was counted; afterwards logging is as it was."""
    written, counted = tmp_path / "control-plane.log", []
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    with written.open("wb") as file:
        logs.configure(lambda level, event: counted.append((level, event)), file.fileno())
        yield written, counted
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_the_log_is_json_with_time_and_work(log: tuple[Path, list[tuple[str, str]]]) -> None:
    """Each line one object: when in UTC, level, event, the work it is about; counted by level and event."""
    with structlog.contextvars.bound_contextvars(work="promotion-1", environment="qa"):
        structlog.get_logger("x").warning("step.failed", because="a\nb")
    found = json.loads(log[0].read_text())
    assert found["timestamp"].endswith("Z")
    wanted = {"event": "step.failed", "level": "warning", "work": "promotion-1", "environment": "qa", "because": "a\nb"}
    assert wanted.items() <= found.items()
    assert log[1] == [("warning", "step.failed")]


def test_libraries_write_the_same_log(log: tuple[Path, list[tuple[str, str]]]) -> None:
    """From `warning` on, with their name and the traceback inside the object."""
    logging.getLogger("somebody.elses").info("chatter")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("somebody.elses").exception("it broke")
    found = json.loads(log[0].read_text())
    assert (found["event"], found["logger"], found["level"]) == ("it broke", "somebody.elses", "error")
    assert "ValueError: boom" in found["exception"]
