"""Reading `greenroom.yaml`: the cases as data, and what holds for every text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.config.example import EXAMPLE
from greenroom.config.load import load, load_file
from greenroom.config.project import ProjectConfig
from greenroom.domain.errors import BadInput
from tests.unit.config.cases import Case, all_cases


def problems(text: str) -> list[str]:
    """What a person reads; checks on the way that the facts say the same."""
    try:
        load(text)
    except BadInput as error:
        assert error.code == "config.invalid"
        found = error.facts["problems"]
        assert all({"path", "expected", "got", "file", "line", "column"} <= set(p) for p in found)
        assert all(p["message"] in str(error) for p in found)
        return [p["message"] for p in found]
    return []


@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
def test_case(case: Case) -> None:
    """A text has exactly the problems its case names."""
    found = problems(case.text)
    if case.among:
        assert set(case.problems) <= set(found)
    else:
        assert sorted(found) == sorted(case.problems)


def test_problems_come_in_the_order_of_the_file() -> None:
    """A person goes through the file once, from top to bottom."""
    with pytest.raises(BadInput) as raised:
        load("edge: {port: x}\nproject: X\napi: {port: y}\n")
    places = [(p["line"], p["column"]) for p in raised.value.facts["problems"]]
    assert places == sorted(places)
    assert len(places) >= 3


def test_many_problems_are_counted_not_all_shown() -> None:
    """A hostile file does not fill the terminal; what is left out is counted."""
    with pytest.raises(BadInput) as raised:
        load("\n".join(f"key{n}: 1" for n in range(500)))
    assert len(raised.value.facts["problems"]) == 100
    assert raised.value.facts["more"] >= 400
    assert "more" in raised.value.because


_WORDS = st.sampled_from(["web", "qa", "dev", "production", "uat", "kind", "command", "5%", "10s", "off", "./x", "a b"])
_EVERY_KEY = """
    project template release processes migration health services config checks environments edge api web dev qa uat
    staging production kind port hosts errors clearance bake canary shares hold gates approvals soak window checks in
    for count roles open holidays closed timezone groups require listen command style switch_off down version file
    language runtime lock build executables files timeout secret generate default required about journey drain
    restore_points postgres extensions path status boot request follow preview_port max_failed ports_from
    backups enabled full incremental keep keep_fulls drill directory second endpoint region access_key secret_key
    encrypted log_limit
"""
_KEYS = st.sampled_from(_EVERY_KEY.split())
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70_000) | st.floats(allow_nan=False) | _WORDS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_KEYS | _WORDS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)


def _loads_or_says_why(text: str) -> None:
    try:
        assert isinstance(load(text), ProjectConfig)
    except BadInput as error:
        assert error.code == "config.invalid"
        assert error.facts["problems"]
        assert str(error).encode()


@given(st.text(max_size=300) | st.text(alphabet=" \n:-[]{}&*!|>'\"%@`#,?az0<\\", max_size=60))
def test_any_text_loads_or_is_bad_input(text: str) -> None:
    """Whatever the text, the answer is a configuration or `config.invalid`, and nothing else."""
    _loads_or_says_why(text)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=8))
def test_any_structure_loads_or_is_bad_input(data: dict[str, Any]) -> None:
    """Known keys with values of every kind in every place raise nothing but `config.invalid`."""
    _loads_or_says_why(yaml.safe_dump(data, allow_unicode=True))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for k, v in inner for p in _places(v, (*path, k)))]


_GOOD = yaml.safe_load(EXAMPLE)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(_places(_GOOD)[1:]), _VALUES)
def test_one_value_replaced_in_a_good_file(place: tuple[Any, ...], value: Any) -> None:
    """Any value in any place of a good file gives a configuration or a problem, and no surprise."""
    data = yaml.safe_load(EXAMPLE)
    inner = data
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    _loads_or_says_why(yaml.safe_dump(data, allow_unicode=True))


def test_deep_and_long_files_are_refused_at_once() -> None:
    """Nesting, number of values and size have limits, so that a file cannot exhaust the reader."""
    assert "32 levels" in problems("a: " + "[" * 100_000)[0]
    assert "20000 values" in problems("a: [" + "1," * 30_000 + "]")[0]
    assert "1 MiB" in problems("a: " + "x" * (1 << 20))[0]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It says which, and that `greenroom init` writes one."""
    with pytest.raises(BadInput) as raised:
        load_file(tmp_path / "greenroom.yaml")
    assert raised.value.code == "config.absent"
    assert "init" in raised.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A directory in its place is named as such."""
    with pytest.raises(BadInput) as raised:
        load_file(tmp_path)
    assert raised.value.code == "config.unreadable"
    assert os.strerror(21) in raised.value.because


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """The place of the first byte that is not UTF-8 is named."""
    path = tmp_path / "greenroom.yaml"
    path.write_bytes(b"project: shop\nabout: \xff\n")
    with pytest.raises(BadInput) as raised:
        load_file(path)
    assert f"{path}:2:8" in raised.value.message


def test_the_file_is_named_in_every_problem(tmp_path: Path) -> None:
    """Who reads several files knows which one is wrong; a byte-order mark does no harm."""
    path = tmp_path / "greenroom.yaml"
    path.write_bytes(b"\xef\xbb\xbfproject: Shop\n")
    with pytest.raises(BadInput) as raised:
        load_file(path)
    assert {p["file"] for p in raised.value.facts["problems"]} == {str(path)}
