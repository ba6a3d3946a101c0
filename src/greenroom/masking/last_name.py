"""A last name becomes another one."""

from __future__ import annotations

from greenroom.masking._keyed import LAST_NAME
from greenroom.masking._listed import FromList


class LastNameRule(FromList):
    """A last name from a list. The list is short, so many share a last name, and one in a few hundred keeps its own
    by chance."""

    name = "last_name"
    title = "Last name"
    offset = LAST_NAME


RULE = LastNameRule()
