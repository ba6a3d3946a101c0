"""Traces through the OpenTelemetry SDK. Only the control plane imports this: it costs a tenth of a second.

Which exporter is chosen by the variables of the specification
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/): `OTEL_TRACES_EXPORTER` is `otlp`,
`console`, `none`, or the name of any exporter that is installed. Without it spans go to a bounded file in the home.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path

import structlog
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

import greenroom
from greenroom.domain.errors import Errored
from greenroom.domain.trace import Span
from greenroom.ports.telemetry import Traces

log = structlog.get_logger(__name__)

FILE = "traces.jsonl"
FILE_BYTES = 10_000_000
FILES_KEPT = 2
GROUP = "opentelemetry_traces_exporter"
OTLP = {"otlp": "otlp_proto_http"}


def traces_of(env: Mapping[str, str], logs: Path) -> Traces:
    """The exporter that the environment's variables name. One that is unknown or cannot be made is said in the log, and
    the file takes its place: telemetry keeps no control plane from starting."""
    wanted = env.get("OTEL_TRACES_EXPORTER", "").strip()
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or wanted == "none":
        return NoTraces()
    file = FileExporter(logs / FILE)
    if not wanted:
        return OtelTraces(file)
    try:
        found = next(iter(entry_points(group=GROUP, name=OTLP.get(wanted, wanted))), None)
        if found is not None:
            return OtelTraces(found.load()())
        why = "no exporter of that name is installed"
    except Exception as e:  # noqa: BLE001 - somebody else's code, chosen by a variable
        why = f"{type(e).__name__}: {e}"
    log.error("telemetry.exporter_unusable", exporter=wanted, because=why, instead=str(logs / FILE))
    return OtelTraces(file)


class NoTraces:
    def tell(self, spans: Sequence[Span]) -> None:
        """Nobody asked for them."""


class OtelTraces:
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._resource = Resource.create({SERVICE_NAME: "greenroom"}).merge(_named())
        self._scope = InstrumentationScope("greenroom", greenroom.__version__)

    def tell(self, spans: Sequence[Span]) -> None:
        try:
            result = self._exporter.export([self._readable(s) for s in spans])
        except Exception as e:
            raise _unavailable(f"{type(e).__name__}: {e}") from e
        if result is not SpanExportResult.SUCCESS:
            raise _unavailable("the exporter did not take them; the lines before this one say why")

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=_context(span.trace_id, span.span_id),
            parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
            resource=self._resource,
            attributes=span.attributes,
            status=Status(StatusCode.ERROR, span.problem) if span.problem else Status(StatusCode.OK),
            start_time=_nanoseconds(span.started),
            end_time=_nanoseconds(span.ended),
            instrumentation_scope=self._scope,
        )


class FileExporter(SpanExporter):
    """One span a line, as the SDK writes it; at most `FILES_KEPT + 1` files of a little over 10 MB each."""

    def __init__(self, path: Path, *, most_bytes: int = FILE_BYTES) -> None:
        self._path = path
        self._most = most_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._turn_over()
        text = "".join(str(s.to_json(indent=None)) + "\n" for s in spans)
        with open(self._path, "a", opener=_private) as file:
            file.write(text)
        return SpanExportResult.SUCCESS

    def _turn_over(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < self._most:
            return
        for number in range(FILES_KEPT, 0, -1):
            older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _named() -> Resource:
    """`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over our own name."""
    return OTELResourceDetector().detect()


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000


def _unavailable(because: str) -> Errored:
    return Errored(
        "telemetry.unavailable",
        "the traces could not be told",
        because=because,
        hint="see OTEL_EXPORTER_OTLP_ENDPOINT and the collector; nothing is lost, they are told again",
    )
