"""A company becomes another one."""

from __future__ import annotations

from greenroom.masking._keyed import OTHER
from greenroom.masking._listed import FromList


class CompanyRule(FromList):
    """A company from a list. The list is short, so many share a name, and one in a few hundred keeps its own by
    chance."""

    name = "company"
    title = "Company"
    offset = OTHER


RULE = CompanyRule()
