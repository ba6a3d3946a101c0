"""What people write into the application, and how it is read back."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.demo.browser import Page
from greenroom.demo.people import Bill, plan, read_bills
from greenroom.domain.errors import Refused


@given(st.integers(), st.integers(1, 9))
def test_households_repeat_with_their_seed_and_their_bills_can_be_told_apart(seed: int, number: int) -> None:
    """Equal chance, equal household; no two of its bills are equal, and only members pay and owe."""
    household = plan(number, Random(seed))
    assert household == plan(number, Random(seed))
    assert len(set(household.bills)) == len(household.bills) > 0
    for bill in household.bills:
        assert {bill.payer, *bill.owers} <= set(household.members)


@given(st.lists(st.integers(1, 10_000_000)))
def test_amounts_come_back_to_the_cent(cents: list[int]) -> None:
    """The application keeps floating numbers; rounded to hundredths they are what was typed in."""
    exported = [
        {"what": "x", "date": "2026-01-01", "payer_name": "A", "owers": ["B", "A"], "amount": c / 100} for c in cents
    ]
    assert read_bills(json.dumps(exported)) == [Bill("x", "2026-01-01", "A", ("A", "B"), c) for c in cents]


@pytest.mark.parametrize("text", ["", "<html>", "[{}]", "[1]", "3"])
def test_an_export_that_cannot_be_read_is_a_wrong_answer(text: str) -> None:
    """Whatever comes instead of the export, it is named."""
    with pytest.raises(Refused, match="cannot be read"):
        read_bills(text)


def test_a_page_without_a_form_is_a_wrong_answer_in_its_own_words() -> None:
    """The error shows the page's complaint, not its menus."""
    text = '<nav>English Deutsch</nav><div class="alert alert-danger">No &amp; no</div>'
    with pytest.raises(Refused) as error:
        _ = Page("/create", 200, text, "").token
    assert error.value.because == "No & no"
