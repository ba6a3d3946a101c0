"""Data: datasets, filling environments, and what holds what."""

from __future__ import annotations

from typing import Any

from greenroom.api.access import Who
from greenroom.api.asked import NewDataset, NewRefresh
from greenroom.api.routing import authenticated_router
from greenroom.api.shapes import WorkSummary
from greenroom.api.shapes_data import Datasets, Lineage, Refreshing
from greenroom.api.state import Services
from greenroom.api.views import work_answer
from greenroom.services import data

router = authenticated_router("data")


@router.get("/data", response_model=Lineage, summary="Which environment holds what, from where, how old")
def lineage(services: Services, who: Who) -> dict[str, Any]:
    return data.lineage(services, who)


@router.get("/datasets", response_model=Datasets, summary="Masked datasets, newest first")
def list_datasets(services: Services, who: Who) -> dict[str, Any]:
    """What is in them nobody can read through here."""
    return data.datasets(services, who)


@router.post("/datasets", response_model=WorkSummary, status_code=202, summary="Make a masked dataset")
def make_dataset(services: Services, who: Who, asked: NewDataset) -> dict[str, Any]:
    return work_answer(services, data.make(services, who, to=asked.to))


@router.post(
    "/discoveries", response_model=WorkSummary, status_code=202, summary="Look for columns about people in production"
)
def discover(services: Services, who: Who) -> dict[str, Any]:
    """In the vault, in a copy. The verdicts are `facts.discover.verdicts` of the work; no value is in them."""
    return work_answer(services, data.discover(services, who))


@router.post(
    "/environments/{env}/refreshes",
    response_model=Refreshing,
    status_code=202,
    summary="Fill an environment's database anew",
)
def refresh(services: Services, who: Who, env: str, asked: NewRefresh) -> dict[str, Any]:
    """A copy of production where one may be, a masked dataset elsewhere; or the release's own seed. The present data is
    kept aside."""
    work, preview = data.refresh(
        services, who, env, dataset=asked.dataset, to=asked.to, seed=asked.seed, dry_run=asked.dry_run
    )
    return {"work": work_answer(services, work) if work else None, "preview": preview}
