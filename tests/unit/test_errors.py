"""Errors say what, why and what next; they cross the API unharmed, and hostile answers become errors, not crashes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.errors import BadInput, Errored, GreenroomError, Refused, from_dict

KINDS = [(Refused, "refused", 1), (BadInput, "invalid", 2), (Errored, "errored", 3), (GreenroomError, "errored", 3)]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("kind", "word", "code"), KINDS)
def test_each_kind_of_answer_has_its_exit_code(kind: type[GreenroomError], word: str, code: int) -> None:
    """No is 1, not understood is 2, could not tell is 3."""
    assert (kind.word, kind.exit_code) == (word, code)


def test_reads_as_what_why_and_what_next() -> None:
    """The four lines people see; empty ones are left out."""
    full = Refused("gate.x", "promote shop to production", because="it is frozen", hint="ask mia")
    assert str(full) == "refused: promote shop to production\nbecause: it is frozen\nnext:    ask mia\ncode:    gate.x"
    assert str(Errored("store.gone", "no store")) == "errored: no store\ncode:    store.gone"


@given(
    st.sampled_from([Refused, BadInput, Errored]),
    st.text(max_size=8),
    st.text(max_size=8),
    st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)
def test_crosses_the_api_unharmed(kind: type[GreenroomError], code: str, text: str, facts: dict[str, object]) -> None:
    """`from_dict` reads back what `as_dict` wrote, after a trip through JSON."""
    error = kind(code, text, because=text, hint=text, facts=facts)
    back = from_dict(json.loads(json.dumps(error.as_dict())))
    assert type(back) is kind
    assert back.as_dict() == error.as_dict()


@given(st.dictionaries(st.sampled_from(["outcome", "code", "message", "because", "next", "facts", "x"]), json_values))
def test_any_answer_becomes_an_error(data: dict[str, object]) -> None:
    """Whatever a server sends as an error is read as one; what is unknown reads as errored."""
    error = from_dict(data)
    assert isinstance(error, GreenroomError)
    json.dumps(error.as_dict())
    if data.get("outcome") not in ("refused", "invalid"):
        assert type(error) is Errored


def test_facts_are_the_errors_own() -> None:
    """Changing the mapping that was given does not change the error."""
    facts = {"a": 1}
    error = Refused("x", "y", facts=facts)
    facts["a"] = 2
    assert error.facts == {"a": 1}
