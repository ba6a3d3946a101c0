"""What the rules share that keep a value's shape and can, when asked, keep different values different."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import Column
from greenroom.masking._keyed import Keyed


class MayBeUnique(Keyed):
    """Settings of rules that keep the shape of a value."""

    unique: bool = Field(
        False,
        description="Different values stay different. It takes longer; set it on a unique column, and on every column "
        "that should agree with it.",
    )


def unset_problem(config: MayBeUnique, column: Column) -> str | None:
    """The complaint about a unique column without the setting, or None."""
    if not column.unique or config.unique:
        return None
    return f"{column.path} has a unique index: set `unique: true` on it, and on every column that should agree with it"
