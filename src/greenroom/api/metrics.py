"""What Prometheus reads: the path in numbers at the moment it asks, and what was counted since the control plane
started. A part that cannot be read is left out, and `greenroom_part_up` says so: the rest is still served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from greenroom.domain.errors import GreenroomError
from greenroom.domain.roles import Actor
from greenroom.services import backups, status
from greenroom.services.app import App
from greenroom.services.tally import BUCKETS, Read

REQUESTS = "caddy_http_request_duration_seconds_count"
SITE = "site-"


def exposition(app: App, actor: Actor) -> tuple[str, str]:
    """The text and its media type. For those who may view; nothing in it that status does not show."""
    path = status.path(app, actor)
    registry = CollectorRegistry()
    registry.register(_Path(app, path))
    kept = [e.name for e in app.world.project().environments if e.backups.is_on]
    registry.register(_Backups([backups.standing(app, actor, name) for name in kept]))
    return generate_latest(registry).decode(), CONTENT_TYPE_LATEST


class _Path(Collector):
    def __init__(self, app: App, path: dict[str, Any]) -> None:
        self._app = app
        self._path = path

    def collect(self) -> Iterator[Metric]:
        environments = self._path["environments"]
        yield from _environments(environments)
        works = [w for e in environments for w in e["work"]] + self._path["releases"]
        counted = Counter((w["kind"], w["environment"] or "", w["state"]) for w in works)
        family = GaugeMetricFamily("greenroom_work", "Unfinished work", labels=["kind", "environment", "state"])
        for labels, count in sorted(counted.items()):
            family.add_metric(labels, count)
        yield family
        yield GaugeMetricFamily("greenroom_edge_up", "1 if the edge serves", value=float(self._app.world.edge.alive()))
        yield from _counted(self._app.tally.read())
        parts = GaugeMetricFamily("greenroom_part_up", "1 if this part of the metrics could be read", labels=["part"])
        for name, part in (("edge", _edge), ("held", _held), ("instances", _instances), ("egress", _egress)):
            yield from self._tried(parts, name, part)
        yield parts

    def _tried(
        self, parts: GaugeMetricFamily, name: str, part: Callable[[App, dict[str, Any]], list[Metric]]
    ) -> list[Metric]:
        try:
            found = part(self._app, self._path)
        except GreenroomError:
            parts.add_metric([name], 0)
            return []
        parts.add_metric([name], 1)
        return found


class _Backups(Collector):
    """Ages and lags; nothing of what is in them."""

    def __init__(self, standing: list[dict[str, Any]]) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        label = ["environment"]
        age = GaugeMetricFamily("greenroom_backup_age_seconds", "Age of the newest backup", labels=label)
        behind = GaugeMetricFamily("greenroom_wal_behind_bytes", "Log not in the archive yet", labels=label)
        flows = GaugeMetricFamily("greenroom_wal_flows", "1 if every change reaches the archive", labels=label)
        gap = GaugeMetricFamily("greenroom_wal_gap", "1 if the archived log has a hole", labels=label)
        passed = GaugeMetricFamily("greenroom_drill_passed", "1 if the last restore drill passed", labels=label)
        drilled = GaugeMetricFamily("greenroom_drill_timestamp_seconds", "When the last drill ended", labels=label)
        took = GaugeMetricFamily("greenroom_drill_recovery_seconds", "How long its restore took", labels=label)
        for s in self._standing:
            name = [s["environment"]]
            flows.add_metric(name, float(s["flows"]))
            gap.add_metric(name, float(s["gap"]))
            if s["age_seconds"] is not None:
                age.add_metric(name, s["age_seconds"])
            if s["behind_bytes"] is not None:
                behind.add_metric(name, s["behind_bytes"])
            if s["drill"] is not None:
                passed.add_metric(name, float(s["drill"]["outcome"] == "passed"))
                drilled.add_metric(name, s["drill"]["at"].timestamp())
                if s["drill"]["rto_seconds"] is not None:
                    took.add_metric(name, s["drill"]["rto_seconds"])
        yield from (age, behind, flows, gap, passed, drilled, took)


def _environments(environments: list[dict[str, Any]]) -> Iterator[Metric]:
    release = GaugeMetricFamily(
        "greenroom_environment_release", "The release in it", labels=["environment", "kind", "version", "digest"]
    )
    age = GaugeMetricFamily("greenroom_environment_age_seconds", "How long it is there", labels=["environment"])
    up = GaugeMetricFamily("greenroom_environment_up", "1 if its processes run", labels=["environment"])
    frozen = GaugeMetricFamily("greenroom_environment_frozen", "Freezes that hold", labels=["environment"])
    glass = GaugeMetricFamily("greenroom_glass_open", "People let into its database by hand", labels=["environment"])
    for e in environments:
        glass.add_metric([e["name"]], len(e["glass"]))
        frozen.add_metric([e["name"]], len(e["frozen"]))
        if e["release"]:
            release.add_metric([e["name"], e["kind"], e["release"]["version"], e["release"]["digest"]], 1)
            age.add_metric([e["name"]], e["age_seconds"])
        if e["health"]:
            up.add_metric([e["name"]], float(e["health"] == "up"))
    yield from (release, age, up, frozen, glass)


def _counted(read: Read) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "greenroom_work_ended",
        "Work that came to stand: done, rolled_back, rejected, refused, cancelled, attention",
        labels=["kind", "environment", "state"],
    )
    refusals = CounterMetricFamily("greenroom_gate_refusals", "Noes of a gate", labels=["gate", "environment"])
    logged = CounterMetricFamily(
        "greenroom_log_lines",
        "Lines of the control plane's log, such as lease.lost, store.unavailable, worker.broke",
        labels=["level", "event"],
    )
    for family, counts in ((ended, read.ended), (refusals, read.refusals), (logged, read.logged)):
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        yield family
    steps = HistogramMetricFamily(
        "greenroom_step_seconds", "How long attempts of steps took", labels=["kind", "step", "direction", "outcome"]
    )
    bounds = [*(str(b) for b in BUCKETS), "+Inf"]
    for key, histogram in sorted(read.steps.items()):
        steps.add_metric(key, list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.total)
    yield steps


def _edge(app: App, path: dict[str, Any]) -> list[Metric]:
    """Caddy counts by server; ours are named after environments. Its counters begin anew when its routes change."""
    counted: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(app.world.edge.metrics()):
        for sample in family.samples:
            server = sample.labels.get("server", "")
            if sample.name == REQUESTS and server.startswith(SITE):
                counted[server.removeprefix(SITE), sample.labels.get("code", "")] += int(sample.value)
    requests = CounterMetricFamily(
        "greenroom_edge_requests", "Requests on an environment's own port", labels=["environment", "status"]
    )
    for labels, count in sorted(counted.items()):
        requests.add_metric(labels, count)
    return [requests]


def _held(app: App, path: dict[str, Any]) -> list[Metric]:
    held = GaugeMetricFamily(
        "greenroom_environment_held", "1 while new requests wait at the edge", labels=["environment"]
    )
    for e in path["environments"]:
        pointer = app.world.edge.pointer(e["name"])
        held.add_metric([e["name"]], float(pointer is not None and pointer.dial is None))
    return [held]


def _instances(app: App, path: dict[str, Any]) -> list[Metric]:
    """By process: identifiers of instances change with each promotion."""
    exits: Counter[tuple[str, str]] = Counter()
    for e in path["environments"]:
        if e["url"] is None:
            continue
        for instance in app.world.runtime.instances(e["name"]):
            process = instance.id.removeprefix(f"{e['name']}.").partition(".")[0]
            exits[e["name"], process] += instance.exits
    family = GaugeMetricFamily(
        "greenroom_instance_exits",
        "How often the processes that run now ended by themselves and were started again",
        labels=["environment", "process"],
    )
    for labels, count in sorted(exits.items()):
        family.add_metric(labels, count)
    return [family]


def _egress(app: App, path: dict[str, Any]) -> list[Metric]:
    refused = CounterMetricFamily(
        "greenroom_egress_refused", "Packets that began something and were refused", labels=["environment"]
    )
    limited = GaugeMetricFamily(
        "greenroom_egress_limited", "1 if outgoing network is limited, 0 if it should be", labels=["environment"]
    )
    for e in path["environments"]:
        if e["egress"] and e["egress"]["wanted"]:
            refused.add_metric([e["name"]], app.world.egress.refused(e["name"]).total)
            limited.add_metric([e["name"]], float(e["egress"]["limited"]))
    return [refused, limited]
