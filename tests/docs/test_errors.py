"""The reference of errors has every code that anything raises, and no other, each with what to do next."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from reference_pages._error_source import SOURCE, Raised, Unreadable, raised, read  # noqa: E402
from reference_pages.errors import by_code, errors_page, problems  # noqa: E402

PAGE = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
WRITTEN = re.compile(r"\b(?:Refused|BadInput|Errored)\(\s*f?\"([a-z_]+(?:\.[a-z_]+)+)\"")

ELSEWHERE = ("adapters/memory/", "demo/")
"""Twins that only tests hear, and the demo, which is no part of what it shows."""


def documented() -> set[str]:
    return set(re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE))


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    """What is raised is documented, and what is documented is raised."""
    assert documented() == set(by_code())


def test_nothing_that_looks_like_a_code_is_missed() -> None:
    """A plain search of the source, which knows nothing of syntax, finds no code that the page lacks."""
    found = {c for p in SOURCE.rglob("*.py") for c in WRITTEN.findall(p.read_text(encoding="utf-8"))}
    assert found
    assert found <= documented()


def test_every_code_says_what_to_do_next() -> None:
    """A hint in the source or words in the reference; no words are left over, no family is without a sentence."""
    assert problems(by_code()) == []


def test_every_error_says_what_to_do_next_where_it_is_said() -> None:
    """No error reaches a person without its next step, not even that something broke: the reference is not at hand."""
    bare = {(r.code, r.file) for r in raised() if not r.hint and not r.file.startswith(ELSEWHERE)}
    assert bare == set()


def test_the_page_is_current() -> None:
    """The page is what the source says: `make docs` writes it."""
    assert errors_page() == PAGE


def test_codes_are_plain_words() -> None:
    """A code is lower-case words with dots: programs compare it."""
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+", code) for code in documented())


def of(text: str, path: str = "services/example.py") -> list[Raised]:
    head = "from greenroom.domain.errors import BadInput, Errored, Refused\n"
    return list(read(head + text, SOURCE / path))


def test_words_are_read_with_what_is_filled_in() -> None:
    """Names stand for values; constants and local texts are looked up; alternatives are both shown."""
    text = """
LIMIT = 60.0
def f(work, full):
    why = "it is full" if full else "it is gone"
    raise Errored("disk.full", f"{work.id} waits {LIMIT:g} s for {short(work.release)}", because=why, hint="free it")
"""
    assert of(text) == [
        Raised(
            "disk.full",
            "Errored",
            "{id} waits 60 s for {release}",
            "it is full / it is gone",
            "free it",
            "services/example.py",
        )
    ]


def test_a_helper_that_is_given_the_code_is_read_at_its_callers() -> None:
    """A function that raises with a code of its caller's counts where it is called."""
    text = """
def bad(code, message, hint=""):
    raise BadInput(code, message, hint=hint)
def g():
    bad("login.url", "no address", hint="https://HOST")
"""
    assert [(r.code, r.says, r.hint) for r in of(text)] == [("login.url", "no address", "https://HOST")]


def test_a_gate_s_no_is_read_with_its_code() -> None:
    """The code of a verdict is its third argument; without one it is `gate.refused`."""
    text = """
from greenroom.domain.gate import Refused
a = Refused("because", "next", "gate.one_two")
b = Refused("because", "next")
"""
    assert [r.code for r in read(text, Path(SOURCE / "gates/example.py"))] == ["gate.one_two", "gate.refused"]


@pytest.mark.parametrize("code", ["f'{noun}.unknown'", "make_code()", "'NoCode'"])
def test_a_code_that_cannot_be_read_is_named_with_its_place(code: str) -> None:
    """No code escapes the reference by being put together while Greenroom runs."""
    with pytest.raises(Unreadable, match=r"services/example\.py:2"):
        of(f'raise Refused({code}, "no")\n')


def test_every_place_is_read_once() -> None:
    """Places are in the order of files; none is listed twice with the same words."""
    files = [r.file for r in raised()]
    assert files == sorted(files, key=Path)
