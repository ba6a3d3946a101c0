"""A first name becomes another one."""

from __future__ import annotations

from greenroom.masking._keyed import FIRST_NAME
from greenroom.masking._listed import FromList


class FirstNameRule(FromList):
    """A first name from a list. The list is short, so many share a first name, and one in a few hundred keeps its own
    by chance."""

    name = "first_name"
    title = "First name"
    offset = FIRST_NAME


RULE = FirstNameRule()
