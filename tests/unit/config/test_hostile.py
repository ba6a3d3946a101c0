"""Whatever lies where `greenroom.yaml` should be: a configuration, or a problem with its place, and soon."""

from __future__ import annotations

import random
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.config.example import EXAMPLE
from greenroom.config.load import load, load_file
from greenroom.config.project import ProjectConfig
from greenroom.domain.errors import BadInput

CASES = tomllib.loads((Path(__file__).parents[2] / "cases/hostile/configuration.toml").read_text(encoding="utf-8"))
GOOD = "project: shop\nprocesses: {web: {command: ./web}}\ntemplate: small\n"
KEYS = {"about", "text", "says", "encoding", "newline", "block", "times", "after"}
LONGEST_SECONDS = 20.0
"""Of processor time, for a megabyte: a reader that went astray takes minutes, or all there is."""


def content(case: dict) -> bytes:
    assert set(case) <= KEYS, f"nobody reads {set(case) - KEYS}"
    text = case["text"].replace("{GOOD}", GOOD) + case.get("block", "") * case.get("times", 0) + case.get("after", "")
    return text.replace("\n", case.get("newline", "\n")).encode(case.get("encoding", "utf-8"))


@pytest.mark.parametrize("case", CASES["case"], ids=lambda c: c["about"])
def test_case(case: dict, tmp_path: Path) -> None:
    """It says what its case says, where it is, and takes no longer than a reader needs."""
    file = tmp_path / "greenroom.yaml"
    file.write_bytes(content(case))
    began = time.process_time()
    try:
        said = "a configuration" if isinstance(load_file(file), ProjectConfig) else "nothing"
    except BadInput as error:
        assert error.code == "config.invalid"
        assert all(p["line"] >= 1 and p["column"] >= 1 for p in error.facts["problems"])
        assert len(str(error)) < 100_000
        said = "\n".join(p["message"] for p in error.facts["problems"])
    assert case["says"].replace("FILE", str(file)) in said
    assert time.process_time() - began < LONGEST_SECONDS


WORDS = (
    *[
        "&a",
        "*a",
        "<<:",
        "!",
        "!!int",
        "!!python/object:x",
        "{}",
        "[]",
        "{a:",
        "[",
        "-",
        "?",
        ":",
        "|",
        ">",
        "|-",
        ">+9",
        "#",
        "%YAML",
        "---",
        "...",
        "'",
        '"',
        "~",
        "null",
        "yes",
        "0o17",
        "1e3",
        ".inf",
        ".nan",
        "0x1F",
        "2026-11-27",
        "12:30",
        "9999999999999999999",
        "-0",
        "@",
        "`",
        ",",
        "]",
    ],
    *("\t", "\r", "\ufeff", "\u2028", "\x85", "\x07", "\U0001f600", "  "),
)


def mutated(text: str, seed: int, changes: int) -> str:
    """This text after so many changes, as hands, editors and merges make them. The same seed makes the same."""
    chance = random.Random(seed)
    lines = text.split("\n")
    for _ in range(changes):
        n = chance.randrange(len(lines))
        line, word = lines[n], chance.choice(WORDS)
        at = chance.randrange(len(line) + 1)
        match chance.randrange(9):
            case 0:
                lines[n] = line[:at] + word + line[at:]
            case 1:
                lines[n] = line[:at] + line[at + 1 :]
            case 2:
                lines.insert(n, line)
            case 3:
                del lines[n : n + 1]
                lines = lines or [""]
            case 4:
                lines[n] = " " * chance.randrange(9) + line.lstrip()
            case 5:
                lines[n] = line.partition(":")[0] + ": " + word
            case 6:
                other = chance.randrange(len(lines))
                lines[n], lines[other] = lines[other], line
            case 7:
                lines[n] = line[:at] + chr(chance.randrange(0x2FF)) + line[at:]
            case 8:
                lines[n : n + 1] = [line[:at], line[at:]]
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 12), st.sampled_from([EXAMPLE, GOOD]))
def test_a_good_file_after_some_changes(seed: int, changes: int, good: str) -> None:
    """A configuration, or problems that each name a place within the file."""
    text = mutated(good, seed, changes)
    try:
        assert isinstance(load(text), ProjectConfig)
    except BadInput as error:
        assert error.code == "config.invalid"
        for problem in error.facts["problems"]:
            assert 1 <= problem["line"] <= len(text.splitlines()) + 1, problem
            assert problem["file"] == "greenroom.yaml"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=8), st.integers(0, len(EXAMPLE)))
def test_a_good_file_with_bytes_in_it(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    """Any bytes in any place: the file is read, or the place of what is no text is named."""
    file = tmp_path_factory.mktemp("bytes") / "greenroom.yaml"
    whole = EXAMPLE.encode()
    file.write_bytes(whole[:at] + data + whole[at:])
    try:
        assert isinstance(load_file(file), ProjectConfig)
    except BadInput as error:
        assert error.facts["problems"][0]["file"] == str(file)
