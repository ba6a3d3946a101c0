"""What every part of `greenroom.yaml` is, as a model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A part of the file: unknown keys are errors, and a value of the wrong kind is never bent into the right one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        required = {f.alias or name for name, f in cls.model_fields.items() if f.is_required()}
        return {k: v for k, v in value.items() if v is not None or k in required}
