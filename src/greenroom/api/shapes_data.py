"""What the API answers about data: who holds what, datasets, refreshes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from greenroom.api.answered import Answered
from greenroom.api.shapes import Decided, Held, Label, WorkSummary
from greenroom.api.shapes_clones import CloneInPlace


class HeldInPlace(Answered):
    environment: str
    clearance: Label
    holds: Held | None


class DatasetInPlace(Answered):
    name: str
    source: str
    label: Label
    made_at: datetime
    as_of: datetime | None
    age_seconds: float | None
    backup: str
    rules: str
    rules_current: bool
    version: str
    bytes: int
    rows: int
    masked_columns: int
    report: dict[str, Any] = Field(description="What the leak check found: columns and counts, never a value.")


class DataProblem(Answered):
    code: str | None
    error: str | None
    because: str | None
    columns: list[str] = Field(description="Columns that have no rule, where that is what is wrong.")
    at: datetime


class Datasets(Answered):
    source: str | None
    datasets: list[DatasetInPlace]
    problem: DataProblem | None = Field(description="Why the last attempt to make one was refused.")


class Lineage(Answered):
    source: str | None = Field(description="The environment whose backups feed all others.")
    rules: str = Field(description="Digest of the masking rules in force.")
    environments: list[HeldInPlace] = Field(description="In the order of the path.")
    datasets: list[DatasetInPlace]
    clones: list[CloneInPlace]
    problem: DataProblem | None


class DataRemark(HeldInPlace):
    problem: DataProblem | None = Field(description="Why no masked dataset can be made, where one is wanted.")


class Explained(Decided):
    data: DataRemark = Field(description="What the environment's database holds.")


class RefreshPreview(Answered):
    environment: str
    label: Label
    source: str
    dataset: str | None
    as_of: datetime | None
    to: str | None
    seed: list[str] = Field(description="The files of a seed, in their order; none for what comes from elsewhere.")
    replaces: Held | None
    edits: int
    bytes: int


class Refreshing(Answered):
    work: WorkSummary | None = Field(description="What was begun; null when it was only asked.")
    preview: RefreshPreview
