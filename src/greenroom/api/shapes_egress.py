"""What answers about the outgoing network carry."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from greenroom.api.answered import Answered


class EgressStanding(Answered):
    limited: bool = Field(description="Whether the machine keeps it to what is allowed.")
    wanted: bool = Field(description="Whether the configuration wants it kept to what is allowed.")
    why_not: str = Field(description="Why it is not kept to it although it should be.")


class EgressTotal(EgressStanding):
    environment: str
    allow: list[str] | Literal["any"]
    total: int = Field(description="Packets that were refused.")


class Asked(Answered):
    name: str
    count: int


class RefusedDestination(Answered):
    address: str
    port: int = Field(description="0 for protocols without ports.")
    protocol: str
    name: str | None = Field(description="What the address was last called in a look-up on this machine.")
    count: int
    first: datetime
    last: datetime
    releases: list[str] = Field(description="Short digests of what ran when it was counted.")
    asked: list[Asked] = Field(description="Names in refused look-ups, the newest first.")


class EgressInFull(EgressTotal):
    elsewhere: int = Field(description="Of the total, what went to destinations that are not told apart.")
    refused: list[RefusedDestination]
