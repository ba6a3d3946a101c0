"""An IP address becomes another one of the same family, from a range that is nobody's."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, ByPerson, chosen, room, text_mask
from greenroom.masking._sql import hexadecimal, value
from greenroom.masking._types import TEXTS, Kind, kind_of, type_problem, unique_problem

LONGEST = 43  # an IPv6 address with its prefix length, as PostgreSQL writes it


class Settings(ByPerson):
    """Whose."""


class IpAddressRule:
    """IPv4 becomes an address in 10.0.0.0/8 (RFC 1918), IPv6 one in fd00::/8 (RFC 4193); the prefix length stays. In
    a text column everything with a colon counts as IPv6. An address that lies in those ranges keeps itself with a
    chance of one in 16 million; a network shorter than /8 may."""

    name = "ip_address"
    title = "IP address"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, Kind.INET, Kind.CIDR, *TEXT_KINDS) or unique_problem(column):
            return problem
        if kind_of(column) in TEXTS and room(column) < len("10.255.255.255"):
            return f"{column.path} has room for {room(column)} characters, too few for an address"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        v = value(column)
        four = "'10.' || " + " || '.' || ".join(f"get_byte({by}, {n})" for n in (12, 13, 14))
        six = "'fd' || " + " || ':' || ".join(_group(by, n) for n in range(8))
        if kind_of(column) not in TEXTS:
            other = f"set_masklen((CASE family({v}) WHEN 4 THEN {four} ELSE {six} END)::inet, masklen({v}))"
            whole = other if kind_of(column) is Kind.INET else f"network({other})"
            return Masked(f"(CASE WHEN {v} IS NOT NULL THEN {whole} END)::{column.type}", digests)
        prefix = f"substring({v}::text from '/[0-9]{{1,3}}$')"
        six = six if room(column) >= LONGEST else f"'fd00::' || {hexadecimal(by, 4, 12)}"
        other = f"CASE WHEN position(':' in {v}::text) > 0 THEN {six} ELSE {four} END || coalesce({prefix}, '')"
        return text_mask(column, other, digests, LONGEST)


def _group(by: str, n: int) -> str:
    """Four digits of an IPv6 address; the first two of the first group stand already."""
    return hexadecimal(by, 2, 12) if n == 0 else hexadecimal(by, 4, 12 + 2 * n)


RULE = IpAddressRule()
