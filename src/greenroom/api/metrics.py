"""What Prometheus reads: the path in numbers, at the moment it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from greenroom.domain.roles import Actor
from greenroom.services import status
from greenroom.services.app import App


def exposition(app: App, actor: Actor) -> tuple[str, str]:
    """The text and its media type. For those who may view; nothing in it that status does not show."""
    path = status.path(app, actor)
    registry = CollectorRegistry()
    registry.register(_Path(path, app.world.edge.alive()))
    return generate_latest(registry).decode(), CONTENT_TYPE_LATEST


class _Path(Collector):
    def __init__(self, path: dict[str, Any], edge_alive: bool) -> None:
        self._path = path
        self._edge_alive = edge_alive

    def collect(self) -> Iterator[Metric]:
        environments = self._path["environments"]
        yield from _environments(environments)
        works = [w for e in environments for w in e["work"]] + self._path["releases"]
        counted = Counter((w["kind"], w["environment"] or "", w["state"]) for w in works)
        family = GaugeMetricFamily("greenroom_work", "Unfinished work", labels=["kind", "environment", "state"])
        for labels, count in sorted(counted.items()):
            family.add_metric(labels, count)
        yield family
        yield GaugeMetricFamily("greenroom_edge_up", "1 if the edge serves", value=float(self._edge_alive))


def _environments(environments: list[dict[str, Any]]) -> Iterator[Metric]:
    release = GaugeMetricFamily(
        "greenroom_environment_release", "The release in it", labels=["environment", "kind", "version", "digest"]
    )
    age = GaugeMetricFamily("greenroom_environment_age_seconds", "How long it is there", labels=["environment"])
    up = GaugeMetricFamily("greenroom_environment_up", "1 if its processes run", labels=["environment"])
    frozen = GaugeMetricFamily("greenroom_environment_frozen", "Freezes that hold", labels=["environment"])
    for e in environments:
        frozen.add_metric([e["name"]], len(e["frozen"]))
        if e["release"]:
            release.add_metric([e["name"], e["kind"], e["release"]["version"], e["release"]["digest"]], 1)
            age.add_metric([e["name"]], e["age_seconds"])
        if e["health"]:
            up.add_metric([e["name"]], float(e["health"] == "up"))
    yield from (release, age, up, frozen)
