"""What requests carry. Unknown keys are errors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class Asked(BaseModel):
    """A request's body: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


Reference = Annotated[
    str, Field(min_length=1, max_length=200, description="A release: digest, its beginning, version or commit.")
]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=2000)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, description="Why; it stands on the ledger.")]


class NewRelease(Asked):
    commit: str = Field("HEAD", max_length=200, description="A branch, tag or hash in the project's repository.")
    then_promote: Name | None = Field(None, description="The environment it enters once it is sealed.")


class NewPromotion(Asked):
    release: Reference
    environment: Name
    at: str | None = Field(None, max_length=40, description="Local time without an offset, such as 2026-11-24T02:30.")
    timezone: str | None = Field(None, max_length=64, description="Of `at`, such as Europe/Berlin.")
    dry_run: bool = Field(False, description="Only say what the gates say.")


class NewRollback(Asked):
    environment: Name
    to: Reference | None = Field(None, description="What was there before, when absent.")
    mode: Literal["as-is", "down", "restore"] = Field(
        "as-is", description="On today's schema; by the declared down-migration; or with the data of `point`."
    )
    point: str | None = Field(None, max_length=200, description="A restore point's name.")
    reason: Text = ""
    dry_run: bool = False


class NewBackup(Asked):
    full: bool = Field(False, description="A full one, even where an increment would do.")


class NewRestore(Asked):
    to: str | None = Field(
        None,
        max_length=200,
        description="An instant with its offset, or a restore point's name. The latest there is, when absent.",
    )
    reason: Text = ""
    dry_run: bool = Field(False, description="Only say what would be lost, and how long it would take.")


class NewVerification(Asked):
    name: str | None = Field(None, max_length=200, description="One backup. All of them, when absent.")


class NewDataset(Asked):
    to: str | None = Field(
        None, max_length=200, description="Of which state: an instant with its offset, or a restore point. The latest."
    )


class NewRefresh(Asked):
    dataset: str | None = Field(None, max_length=100, description="Which masked dataset. The newest, when absent.")
    to: str | None = Field(
        None, max_length=200, description="Of which state of production, where a copy of it may be. The latest."
    )
    seed: bool = Field(
        False, description="With the synthetic data of the release that runs there, instead of anybody's."
    )
    dry_run: bool = Field(False, description="Only say what would be brought, and from where.")

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if self.seed and (self.dataset is not None or self.to is not None):
            raise ValueError("a seed comes from the release: leave out dataset and to")
        return self


class WantedClone(Asked):
    dataset: str | None = Field(None, max_length=100, description="Which masked dataset. The newest, when absent.")


class Why(Asked):
    reason: Text = Field("", description="Why; it stands on the ledger.")


class NewApproval(Asked):
    release: Reference
    environment: Name
    note: Text = ""
    shown: str | None = Field(
        None,
        max_length=100,
        description="The digest that `why` gave with what the person saw: nothing else is approved.",
    )


class NewOverride(Asked):
    gate: Name
    release: Reference
    environment: Name
    reason: Reason
    seconds: float = Field(gt=0, le=7 * 86400, allow_inf_nan=False, description="How long it holds, at most 7 days.")


class NewFreeze(Asked):
    environment: Name
    reason: Reason
    until: datetime | None = Field(None, description="With an offset. Until it is lifted, when absent.")


class NewGlass(Asked):
    reason: Reason
    seconds: float = Field(gt=0, le=4 * 3600, allow_inf_nan=False, description="How long, at most 4 hours.")
    writes: bool = Field(False, description="Write as well. It only reads, when absent.")


class Revocation(Asked):
    reason: Reason


class NewCheck(Asked):
    release: Reference
    environment: Name
    checks: list[Name] = Field([], max_length=50, description="All of the environment, when empty.")


class NewAccount(Asked):
    name: Name
    roles: list[Name] = Field(min_length=1, max_length=20)


class SecretValue(Asked):
    value: SecretStr = Field(max_length=65536)


class NewPolicy(Asked):
    text: str = Field(max_length=1024 * 1024, description="The contents of greenroom.yaml.")
    repository: str = Field(min_length=1, max_length=4096, description="Where releases are made from, on the server.")
    dry_run: bool = False


class Collection(Asked):
    keep_newest: int = Field(10, ge=1, le=1000)
    dry_run: bool = False
