"""What the API answers about clones."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from greenroom.api.answered import Answered


class CloneInPlace(Answered):
    name: str
    owner: str = Field(description="The account it belongs to; nobody else is given its address.")
    dataset: str
    label: Literal["none", "synthetic", "masked"]
    version: str = Field(description="PostgreSQL's.")
    bytes: int = Field(description="What the dataset takes; where blocks are shared, the clone takes less.")
    state: Literal["making", "ready", "resetting"]
    made_at: datetime = Field(description="When it was filled.")
    age_seconds: float
    expires_at: datetime = Field(description="When it is removed unless its owner asks for it before.")


class CloneGiven(CloneInPlace):
    url: str = Field(description="`postgresql://…` with the password; it reaches this machine's loopback alone.")


class Mailbox(Answered):
    environment: str
    host: str
    port: int = Field(description="SMTP, without login; what is sent there reaches nobody.")
