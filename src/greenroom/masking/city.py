"""A town or city becomes another one."""

from __future__ import annotations

from greenroom.masking._keyed import OTHER
from greenroom.masking._listed import FromList


class CityRule(FromList):
    """A town from a list. The list is short, so many share a town or city, and one in a few hundred keeps its own by
    chance."""

    name = "city"
    title = "City"
    offset = OTHER


RULE = CityRule()
