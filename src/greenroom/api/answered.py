"""What all answers are, for the OpenAPI document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answered(BaseModel):
    """An answer. Readers ignore keys they do not know."""

    model_config = ConfigDict(extra="allow")
