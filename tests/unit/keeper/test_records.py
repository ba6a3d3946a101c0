"""Records hold what the keeper must not forget, whatever the names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.keeper.records import Records, State, UnknownVersion, as_json, from_json
from greenroom.keeper.spec import Spec

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)


def plain(name: str = "one", **more: object) -> Spec:
    return Spec(name, ("/bin/true",), "/", "/tmp/log", **more)  # type: ignore[arg-type]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    found = Records(tmp_path)
    found.prepare()
    return found


@given(names, st.lists(texts, max_size=4), st.dictionaries(st.from_regex(r"[A-Z_]+", fullmatch=True), texts))
def test_a_spec_survives_the_trip(name: str, words: list[str], env: dict[str, str]) -> None:
    """What comes out of JSON equals what went in."""
    spec = Spec(name, ("/bin/true", *words), "/", "/tmp/log", env, groups=(1, 2), sockets=("/x/y",))
    assert from_json(as_json(spec)) == spec


@pytest.mark.parametrize("name", ["a/b", "..", ".", "../../etc/passwd", "ü €", "a%2Fb", "-x", ".json", "a.json"])
def test_every_name_is_one_file_inside(records: Records, name: str) -> None:
    """No name leaves the directory, and names do not collide."""
    records.save_spec(plain(name), wanted=True)
    records.save_spec(plain("other"), wanted=True)
    assert sorted(records.names()) == sorted([name, "other"])
    assert records.spec(name)[0].name == name
    assert len([p for p in records.directory.rglob("*") if p.is_file()]) == 2
    records.forget(name)
    assert list(records.names()) == ["other"]


def test_a_half_written_file_does_not_count(records: Records) -> None:
    """What was cut short before the rename is not a record."""
    records.save_spec(plain(), wanted=True)
    (records.directory / "specs" / ".two").write_text('{"version": 1, "sp')
    assert list(records.names()) == ["one"]


def test_another_version_is_not_guessed_at(records: Records) -> None:
    """It raises instead of reading what may mean something else."""
    records.save_spec(plain(), wanted=True)
    path = records.directory / "specs" / "one.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(UnknownVersion):
        records.spec("one")


def test_a_state_with_more_than_we_know_is_read(records: Records) -> None:
    """A field that a later keeper added does not cost the counters."""
    records.save_state("one", State(exits=3))
    path = records.directory / "states" / "one.json"
    path.write_text(path.read_text().replace('"exits": 3', '"exits": 3, "colour": "green"'))
    assert records.state("one").exits == 3


@pytest.mark.parametrize(
    "change",
    [
        {"argv": []}, {"argv": "sh"}, {"argv": ["a\0b"]}, {"argv": [1]}, {"argv": [""]}, {"cwd": "relative"},
        {"log": "x"},
        {"env": {"A=B": "x"}}, {"env": {"": "x"}}, {"env": {"A": 1}}, {"env": []}, {"umask": -1}, {"uid": "0"},
        {"stop_signal": "SIGNOPE"}, {"stop_signal": "__class__"}, {"stop_seconds": -1}, {"stop_seconds": "x"},
        {"name": ""}, {"name": "x" * 200}, {"sockets": ["relative"]}, {"groups": "12"}, {"log_bytes": "many"},
    ],
)  # fmt: skip
def test_a_malformed_spec_is_a_value_error(change: dict[str, object]) -> None:
    """Nothing that could not be executed is written down."""
    with pytest.raises(ValueError):
        from_json({**as_json(plain()), **change})
