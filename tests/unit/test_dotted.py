"""Tables and columns in one text: whatever they are called, a text tells exactly which is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.dotted import COLUMN, dotted, parts, table_of

names = st.text(st.sampled_from('abé.."" \'😀{'), min_size=1, max_size=8)


@given(names, names, names)
def test_names_are_read_back_as_they_are(schema: str, table: str, column: str) -> None:
    """Dots and quotes in names, wherever they stand; the configuration takes each such text."""
    text = dotted(schema, table, column)
    assert parts(text) == (schema, table, column)
    assert COLUMN.fullmatch(text)
    assert table_of(text) == dotted(schema, table)


@given(names, names, names, names)
def test_two_columns_never_have_one_text(a: str, b: str, c: str, d: str) -> None:
    """`a.b` in a schema `c` is not `b` in a schema `c.a`."""
    assert (dotted(a, b) == dotted(c, d)) == ((a, b) == (c, d))


def test_ordinary_names_stand_without_quotes() -> None:
    """Quotes that nobody needs are taken, and not written."""
    assert dotted("public", 'Per"son 😀', "Mail") == 'public.Per"son 😀.Mail'
    assert dotted(*parts('"public"."order".id')) == "public.order.id"
    assert dotted("public", "orders.v2", "id") == 'public."orders.v2".id'


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '"a', 'a."b', '"a"b.c', '""', "a.\nb"])
def test_what_is_no_row_of_names_is_said_to_be_none(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="row of names"):
        parts(text)
