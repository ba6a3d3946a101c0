"""The control plane's own log: one JSON object a line, in UTC, with the work and the environment it speaks of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog

from greenroom.adapters.telemetry.outlet import Outlet

Count = Callable[[str, str], None]


def configure(count: Count = lambda level, event: None, descriptor: int = 1) -> None:
    """From here on every logger of this process writes so, those of libraries from `warning` on.

    They write to that file descriptor; what cannot be written raises nothing. `count` is told level and event of each
    of our own lines.
    """
    outlet = Outlet(descriptor)

    def counted(logger: Any, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        count(str(event.get("level", level)), str(event.get("event", "")))
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    writing: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, counted, *writing],
        logger_factory=structlog.WriteLoggerFactory(outlet),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(outlet)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *writing],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
