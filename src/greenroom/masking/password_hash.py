"""A password's hash becomes one that nobody can log in with, or that of a test password."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, room
from greenroom.masking._sql import literal, value
from greenroom.masking._types import Kind, kind_of, type_problem, unique_problem

_DOTS = "Greenroom.nobody.knows.the.password.of.this.hash....."
UNUSABLE = {
    "bcrypt": f"$2b$12${_DOTS}",
    "argon2": "$argon2id$v=19$m=65536,t=3,p=4$R3JlZW5yb29tIG1hc2tz$bm9ib2R5IGtub3dzIHRoZSBwYXNzd29yZCBvZiBpdCE",
    "pbkdf2_sha256": "pbkdf2_sha256$600000$greenroom$bm9ib2R5IGtub3dzIHRoZSBwYXNzd29yZCBvZiBpdCE=",
    "scrypt": "scrypt:32768:8:1$greenroom$" + "6e6f626f6479206b6e6f7773207468652070617373776f7264206f6620697421" * 2,
    "sha512crypt": "$6$greenroom$" + (_DOTS.replace("/", ".") + "." * 40)[:86],
    "sha256": "6e6f626f6479206b6e6f7773207468652070617373776f7264206f6620697421",
}
"""Well-formed hashes made of words instead of by a hash function, so that no password is known for them. By name: the
Modular Crypt Format, Django's, Werkzeug's, and 64 hexadecimal digits."""


class Settings(RuleConfig):
    """Which hash."""

    scheme: Literal["bcrypt", "argon2", "pbkdf2_sha256", "scrypt", "sha512crypt", "sha256"] = Field(
        "bcrypt", description="The form of hash that the application expects. Nobody can log in with it."
    )
    hash: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="The hash of a test password that you know, made by your application: everybody has that password "
        "then. `scheme` does not count.",
    )


class PasswordHashRule:
    """One hash for everybody. NULL stays, and so does empty text."""

    name = "password_hash"
    title = "Password hash"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, Kind.BYTEA, *TEXT_KINDS) or unique_problem(column, "keyed_hash"):
            return problem
        text = _hash(config)
        if "\0" in text:
            return "the hash has a zero byte, which PostgreSQL's text cannot hold"
        if len(text) > room(column):
            return f"the hash has {len(text)} characters, and {column.path} has room for {room(column)}"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        v, made = value(column), literal(_hash(config))
        if kind_of(column) is Kind.BYTEA:
            made, v_empty = f"convert_to({made}, 'UTF8')", "''::bytea"
            return Masked(f"(CASE WHEN {v} <> {v_empty} THEN {made} ELSE {v} END)::{column.type}")
        return Masked(f"(CASE WHEN {v} <> '' THEN {made} ELSE {v}::text END)::{column.type}")


def _hash(config: Settings) -> str:
    return config.hash if config.hash is not None else UNUSABLE[config.scheme]


RULE = PasswordHashRule()
