"""Bytes (files, images, signatures) are emptied or become others."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import Keyed
from greenroom.masking._sql import content, exposed, value
from greenroom.masking._types import Kind, type_problem, unique_problem

PNG = (
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a494441"
    "54789c636800000082008177cd72b60000000049454e44ae426082"
)
"""A PNG of one pixel."""


class Settings(Keyed):
    """What is left."""

    mode: Literal["empty", "image", "keyed"] = Field(
        "empty",
        description="`empty`: no bytes. `image`: a PNG of one pixel. `keyed`: as many bytes, a digest of them "
        "repeated.",
    )


class ByteaRule:
    """Nothing of the content is left. With `keyed`, different content stays different from 10 bytes on, and shorter
    content by chance."""

    name = "bytea"
    title = "Bytes"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, Kind.BYTEA) or unique_problem(column, "shuffle")

    def mask(self, config: Settings, column: Column) -> Masked:
        v = value(column)
        if config.mode == "keyed":
            own = exposed(config.use(self.name), content(column))
            whole = f"repeat(encode(s.{own.name}, 'hex'), octet_length({v}) / 32 + 1)"
            return Masked(f"decode(left({whole}, octet_length({v}) * 2), 'hex')::{column.type}", (own,))
        made = "''" if config.mode == "empty" else f"'\\x{PNG}'"
        return Masked(f"(CASE WHEN {v} <> ''::bytea THEN {made}::bytea ELSE {v} END)::{column.type}")


RULE = ByteaRule()
