"""When two texts are one, how particular a value is, and what chance brings: the rules of the leak check."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.postgres.masking.leak_values import is_date, listed_words
from greenroom.domain import likeness
from greenroom.domain.leaks import (
    Anonymity,
    Coverage,
    Kind,
    Leak,
    LeakReport,
    detection,
    is_beyond_chance,
    plainest,
    poisson_tail,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzäöüéèßčřøABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉÈČŘØ"
NAMES = st.text(LETTERS, min_size=2, max_size=12)
DIGITS = st.text(string.digits, min_size=8, max_size=14).filter(lambda d: d[0] != "0")


def kinds(value: str, text: str) -> set[Kind]:
    """In which forms a value stands in a text, as COPY would write it."""
    place = likeness.folded(text)
    return {f.kind for f in (*likeness.forms(value), *likeness.hashes(value)) if likeness.stands_in(f, place)}


@given(NAMES, NAMES, st.sampled_from([" ", "  ", "-", ".", "\t", "\n", "_", " \u00ad"]))
def test_case_accents_blanks_and_order_do_not_hide_a_name(first: str, last: str, between: str) -> None:
    """However people write a name, it is the same name: capitals, no accents, other blanks, its last word first."""
    plain = "".join(c for c in first + between + last)
    for written in (plain.upper(), f"x; {plain} !", f"{last}, {first}", f"{last.upper()} {first}"):
        assert Kind.NORMALISED in kinds(f"{first} {last}", written)


@given(DIGITS)
def test_blanks_brackets_and_country_codes_do_not_hide_a_number(digits: str) -> None:
    """A number is found written in groups, after +49, 0049 or 0, and not as a part of a longer one."""
    groups = " ".join(digits[i : i + 3] for i in range(0, len(digits), 3))
    for written in (groups, groups.replace(" ", "-"), f"tel. +49 ({digits[:3]}) {digits[3:]}", f"00 49/{digits}"):
        assert Kind.NORMALISED in kinds(digits, written)
    assert Kind.NORMALISED in kinds(f"+49 {digits}", f"0{digits}")
    assert Kind.NORMALISED not in kinds(digits, f"{digits}0")


@given(NAMES, st.text(string.ascii_letters + string.digits, min_size=1, max_size=8))
def test_tags_dots_and_case_do_not_hide_an_address(name: str, tag: str) -> None:
    """An address is found without its dots, in capitals, and without the tag it was kept with."""
    local = likeness.folded(name).decode() + ".b1"
    assert Kind.NORMALISED in kinds(f"{local}@Example.org", f"MAIL: {local.replace('.', '').upper()}@EXAMPLE.ORG")
    assert Kind.NORMALISED in kinds(f"{local}+{tag}@example.org", f"<{local}@example.org>")


@given(
    st.text(LETTERS + string.digits + " @.-", min_size=8, max_size=40).filter(lambda t: len(likeness.folded(t)) >= 8)
)
def test_codes_and_hashes_do_not_hide_a_value(value: str) -> None:
    """Backwards, base64, hexadecimal and unsalted hashes, whole or cut, of the value and of its usual forms."""
    raw = value.encode()
    assert Kind.ENCODED in kinds(value, f"x {base64.b64encode(raw).decode()}")
    assert Kind.ENCODED in kinds(value, raw.hex())
    for algorithm in ("md5", "sha1", "sha256"):
        for one in (raw, value.strip().lower().encode()):
            digest = hashlib.new(algorithm, one).digest()
            for shown in (digest.hex(), digest.hex()[:20].upper(), base64.b64encode(digest).decode()):
                assert Kind.HASHED in kinds(value, f"id={shown};")


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_columns_and_rows_stay_where_they_are(cells: list[str]) -> None:
    """Whatever is in the cells, folding whole rows keeps as many columns, and folds each as it would be alone."""
    row = b"\t".join(likeness.as_copied(c) for c in cells) + b"\n"
    folded = likeness.fold(row + row)
    lines = folded.split(b"\n")
    assert len(lines) == 3
    assert [c.strip(b"|") for c in lines[0].split(b"\t")] == [likeness.folded(c) for c in cells]


@given(NAMES)
def test_json_escapes_are_read(name: str) -> None:
    """A document with escapes instead of letters holds the same name."""
    assert likeness.folded(name) in likeness.fold(likeness.as_copied(json.dumps({"name": f"{name} x"})))


@pytest.mark.parametrize(
    ("value", "is_particular", "is_strong"),
    [
        ("ann@example.org", True, True),
        ("DE89 3704 0044 0532 0130 00", True, True),
        ("+49 30 1234567", True, False),
        ("Bohumila Zelenkova", True, True),
        ("Zelenkova", False, False),
        ("Anna", False, False),
        ("12345", False, False),
        ("M", False, False),
        ("", False, False),
        ("…", False, False),
    ],
)
def test_how_particular_a_value_is(value: str, is_particular: bool, is_strong: bool) -> None:
    """Addresses and account numbers are, first names and short numbers are not."""
    assert (likeness.is_particular(value), likeness.is_strong(value)) == (is_particular, is_strong)


def test_what_a_mask_may_come_to_is_known() -> None:
    """Names, towns and streets of the public lists count as chance; others, and account numbers, do not."""
    known = listed_words()
    assert likeness.is_listed("Danielle JONES", known)
    assert not likeness.is_listed("Danielle Zelenkova-Xy", known)
    assert not likeness.is_listed("+49 30 1234567", known)
    assert is_date("1985-03-12 10:00")
    assert not is_date("1985-03-1234")


def test_decoys_have_the_shape_and_not_the_value() -> None:
    """A decoy of a number keeps its beginning, as numbers of one place share it; one of a text is half another's."""
    digits = iter(count(5))
    assert likeness.decoy(b"49301234567", b"49309999999", digits) != b"49301234567"
    assert likeness.decoy(b"49301234567", b"49309999999", iter(count(5))).startswith(b"493")
    assert likeness.decoy(b"annaberg", b"johnstone", iter(count())) == b"annatone".replace(b"tone", b"stone")


@pytest.mark.parametrize(
    ("found", "tested", "control", "controls", "is_leak"),
    [
        (0, 2000, 0, 4, False),
        (2, 2000, 0, 4, False),
        (8, 2000, 0, 4, True),
        (10, 2000, 0, 1, False),
        (14, 2000, 0, 1, True),
        (7, 300, 8, 4, False),
        (60, 300, 8, 4, True),
        (1500, 2000, 1400, 1, False),
        (3, 4, 0, 4, True),
        (2, 2, 0, 4, False),
        (3, 3, 3, 4, False),
    ],
)
def test_chance_is_told_from_a_leak(found: int, tested: int, control: int, controls: int, is_leak: bool) -> None:
    """What its control brings as well is chance; most of a small table, or far more than the control, is a leak."""
    assert is_beyond_chance(found, tested, control, controls) is is_leak


@given(st.integers(1, 200), st.floats(0.01, 50))
def test_the_tail_is_a_probability_that_falls(least: int, expected: float) -> None:
    """Never above 1, never rising; 1 - e⁻ᵐ for one event."""
    assert 0 <= poisson_tail(least + 1, expected) <= poisson_tail(least, expected) <= 1
    assert poisson_tail(1, 0.5) == pytest.approx(0.3934693)
    assert poisson_tail(5, 1.0) == pytest.approx(0.00365985, rel=1e-5)


def test_a_report_says_what_was_found_in_columns_and_counts() -> None:
    """One leak for each column and place, the plainest; publishable only without leaks and small groups."""
    hashed = Leak("public.a.mail", "public.b.note", Kind.HASHED, False, 3, 500, is_strong=True)
    exact = Leak("public.a.mail", "public.b.note", Kind.EXACT, False, 1, 500, is_strong=True)
    same = Leak("public.a.mail", "public.a.mail", Kind.UNCHANGED, True, 200, 200)
    assert plainest([hashed, exact, same]) == (same, exact)
    small = Anonymity("public.a", ("town", "born"), 5, 100, 1, 7, 9)
    assert LeakReport().is_publishable
    assert not LeakReport(leaks=(exact,)).is_publishable
    assert not LeakReport(anonymity=(small,)).is_publishable
    report = LeakReport((same, exact), (small,), (Coverage("public.a.mail", 500, 100, 200),))
    assert report.complaints == (
        "public.a.mail is as it was (the row's own, 200 of 200 tested)",
        "public.b.note, from public.a.mail: holds values of it (1 of 500 tested)",
        "public.a: 9 of 100 rows share (town, born) with fewer than 4 others; the smallest group has 1",
    )
    facts = json.loads(json.dumps(report.as_facts()))
    assert facts["publishable"] is False
    assert facts["tested"][0]["detection"] == {"0.1": 1.0, "0.01": 0.9934, "0.001": 0.3936}
    assert detection(0.01, 2000) > 0.999999
