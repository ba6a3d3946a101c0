"""Equal values have equal bytes, different values different ones, and what JSON cannot say is refused."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.canonical import canonical, digest_of
from greenroom.domain.kinds import Kind

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**53) + 1, 2.0**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def plain(value: object) -> object:
    """What is left of a value after a trip through JSON, where 1 and 1.0 are one number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def same(a: object, b: object) -> bool:
    """Equality that tells True from 1."""
    return json.dumps(plain(a), sort_keys=True) == json.dumps(plain(b), sort_keys=True)


@given(values)
def test_is_the_value_in_json(value: object) -> None:
    """The bytes read back as the value."""
    assert same(json.loads(canonical(value)), value)


@given(st.dictionaries(texts, values, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, object], rng: random.Random) -> None:
    """A mapping told in another order has the same digest."""
    items = list(value.items())
    rng.shuffle(items)
    assert digest_of(dict(items)) == digest_of(value)


@given(values, values)
def test_different_values_have_different_bytes(a: object, b: object) -> None:
    """Equal bytes mean equal JSON values."""
    assert (canonical(a) == canonical(b)) == same(a, b)


def test_is_rfc_8785() -> None:
    """The example of RFC 8785, section 3.2.2, byte for byte."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {"\ud800": 1}, object()])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    """NaN, integers past 2**53, half a character and other objects raise ValueError, inside containers too."""
    for wrapped in (value, [value], {"a": {"b": value}}):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
            canonical(wrapped)


@pytest.mark.parametrize("value", [{1: "a"}, {1: "a", "1": "b"}, {None: 1}, {"a": {True: 1}}])
def test_keys_are_text(value: object) -> None:
    """A key that is no text is refused: turned into text it could hide another key, or equal another value."""
    with pytest.raises(ValueError, match="keys"):
        canonical(value)


def test_sets_tuples_and_enumerations_have_a_form() -> None:
    """A set is its sorted list, a tuple a list, an enumeration's member its value."""
    assert canonical({"b", "a"}) == b'["a","b"]'
    assert canonical(frozenset({2, 1})) == b"[1,2]"
    assert canonical((1, (2,))) == b"[1,[2]]"
    assert canonical({Kind.QA: Kind.DEV}) == b'{"qa":"dev"}'


def test_digest_names_its_algorithm() -> None:
    """`sha256:` and 64 hexadecimal characters, the SHA-256 of the canonical bytes."""
    assert digest_of({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
