"""YAML as plain data with the place of every value."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from greenroom.config.yaml_text import Mark, YamlProblem, read_yaml, resolve

_SAFE = st.text(alphabet="abcxyz019 _./:-#'\"{}[],&*%äß☃\n", max_size=12)
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _SAFE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_SAFE.filter(lambda k: k != "<<"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_SAFE.filter(lambda k: k != "<<"), _DATA, max_size=5))
def test_reads_what_others_write(data: dict[str, object]) -> None:
    """Plain data written by another program is read as it was, and every value has a place."""
    document = read_yaml(yaml.safe_dump(data, allow_unicode=True, default_flow_style=None))
    assert document.data == data
    for key in data:
        assert (key,) in document.values
        assert (key,) in document.keys


def test_places() -> None:
    """Lines and columns count from one; a missing key has the place of what should hold it."""
    document = read_yaml("a:\n  b: [1, two]\n")
    assert document.mark(("a", "b", 1)) == Mark(2, 10)
    assert document.mark(("a", "b"), of_key=True) == Mark(2, 3)
    assert document.mark(("a", "missing", "deeper")) == Mark(2, 3)


@pytest.mark.parametrize(
    ("written", "value"),
    [("no", False), ("ON", True), ("3.10", 3.1), ("1e3", 1000.0), ("-5", -5), ("~", None), ("", None)]
    + [
        (t, t) for t in ("007", "12:30", "2026-01-01", "1_000", "+5", ".inf", ".nan", "0x10", "9" * 17, "nO", "<<", "=")
    ],
)
def test_plain_words(written: str, value: object) -> None:
    """Truth and decimal numbers resolve; times, dates, octal numbers and what JSON cannot hold stay text."""
    assert resolve(written) == value
    assert type(resolve(written)) is type(value)


@pytest.mark.parametrize(
    "text", ['a: "\\0"', "a: '\x00'", "a: \ud800", 'a: "\\UFFFFFFFF"', "a: [", "\ta: 1", "? [x]\n: 1"]
)
def test_what_is_refused(text: str) -> None:
    """What could harm further in, or is no YAML, is refused with a place."""
    with pytest.raises(YamlProblem) as raised:
        read_yaml(text)
    assert raised.value.mark.line >= 1
