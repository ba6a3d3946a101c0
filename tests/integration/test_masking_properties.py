"""What every masking rule keeps, whatever the values: tried with random ones in real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from string import ascii_letters
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.masking.iban import RULE as IBAN
from tests.masking_support import (
    KEY,
    OTHER_KEY,
    Connection,
    column_of,
    masked,
    of_values,
    run,
    server,
    session,
    set_key,
)

pytestmark = pytest.mark.timeout(900)
"""Some of them take a minute on a quick machine."""

ON_TEXT: list[tuple[str, dict[str, Any]]] = [
    ("first_name", {}),
    ("last_name", {"locale": "de_DE"}),
    ("full_name", {}),
    ("city", {}),
    ("company", {}),
    ("street", {}),
    ("postcode", {}),
    ("phone", {}),
    ("phone", {"unique": True}),
    ("national_id", {}),
    ("national_id", {"unique": True}),
    ("national_id", {"pattern": "AA-999999-aaaa-9999"}),
    ("card_number", {}),
    ("card_number", {"unique": True}),
    ("iban", {}),
    ("iban", {"unique": True}),
    ("email", {}),
    ("username", {}),
    ("keyed_hash", {}),
    ("url", {}),
    ("uuid", {}),
    ("ip_address", {}),
]
"""Every keyed rule of text; those that keep different values different are in UNIQUE too."""

UNIQUE = [(r, s) for r, s in ON_TEXT if s.get("unique") or r in ("email", "username", "keyed_hash", "url", "uuid")]

ids = [f"{r}-{s}" for r, s in ON_TEXT]
on_text = pytest.mark.parametrize(("rule", "config"), ON_TEXT, ids=ids)

anything = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40)
numberlike = st.text(st.sampled_from("0123456789 -+()./"), max_size=24)
identifiers = st.text(st.sampled_from("ABCXYZabcxyz0123456789 -"), max_size=24)
ibans = st.from_regex(r"\A(DE|FR|GB|NO)[0-9]{2}[0-9A-Z]{11,30}\Z")
BANKS = st.lists(st.from_regex(r"\A(DE|FR|GB|NO)[0-9A-Z]{11,30}\Z"), min_size=1, max_size=30)
cards = st.from_regex(r"\A[0-9]{4}([ -]?[0-9]{4}){2,3}[0-9]{0,2}\Z")
texts = st.lists(st.one_of(st.none(), st.just(""), anything, numberlike, identifiers, ibans, cards), max_size=30)

tried = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=False,
)


@pytest.fixture(scope="module", params=[18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with server(request.param) as url, session(url) as found:
        yield found


@on_text
@tried
@given(values=texts)
def test_null_and_empty_stay_and_nothing_else_does(
    connection: Connection, rule: str, config: dict[str, Any], values: list[str | None]
) -> None:
    """NULL stays NULL and empty text empty; every other value has a mask that is not NULL, and equal values have equal
    masks, wherever they stand."""
    masks = of_values(connection, column_of("text"), values, rule, **config)
    again = of_values(connection, column_of("text"), values[::-1], rule, **config)[::-1]
    assert masks == again
    for value, mask in zip(values, masks, strict=True):
        assert (mask is None) == (value is None)
        assert (mask == "") == (value == "")
    pairs = set(zip(values, masks, strict=True))
    assert len({value for value, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(("rule", "config"), UNIQUE, ids=[f"{r}-{s}" for r, s in UNIQUE])
@tried
@given(values=texts)
def test_different_values_stay_different(
    connection: Connection, rule: str, config: dict[str, Any], values: list[str | None]
) -> None:
    """A rule that keeps unique columns unique gives no two values one mask."""
    masks = of_values(connection, column_of("text"), values, rule, **config)
    assert len(set(masks)) == len(set(values))


@on_text
def test_another_key_gives_other_masks(connection: Connection, rule: str, config: dict[str, Any]) -> None:
    """Of many values nearly none has the same mask under two keys, and nearly none is its own mask."""
    values: list[str | None] = [f"4{n:011d}{n % 7}A" for n in range(200)]
    first = of_values(connection, column_of("text"), values, rule, **config)
    set_key(connection, OTHER_KEY)
    second = of_values(connection, column_of("text"), values, rule, **config)
    set_key(connection, KEY)
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 10
    assert sum(a == b for a, b in zip(first, values, strict=True)) == 0


@pytest.mark.parametrize(
    ("rule", "shape"),
    [
        ("phone", "+49 %04d"),
        ("phone", "%04d"),
        ("phone", "+9%03d"),
        ("national_id", "%04d"),
        ("national_id", "%03d-X%d"),
        ("card_number", "41111111%04d"),
        ("iban", "DE%02d11111111111111%02d"),
    ],
)
def test_a_whole_space_of_numbers_is_permuted(connection: Connection, rule: str, shape: str) -> None:
    """With `unique`, all numbers of a shape have different masks: by construction, not by luck."""
    values = sorted({_filled(shape, n) for n in range(10_000)})
    masks = of_values(connection, column_of("text"), values, rule, unique=True)
    assert len(set(masks)) == len(values)


def test_letters_of_every_script_are_permuted(connection: Connection) -> None:
    """With `unique`, all texts of one letter of any script, and all of two Latin letters, have different masks."""
    values = [chr(c) for c in range(0x20, 0x800)] + [f"{a}{b}" for a in ascii_letters for b in ascii_letters]
    masks = of_values(connection, column_of("text"), values, "national_id", unique=True)
    assert len(set(masks)) == len(values)


def _filled(shape: str, n: int) -> str:
    if shape.count("%") == 1:
        return shape % n
    return shape % divmod(n, 100 if "%02d" in shape else 10)


def _luhn(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()][::-1]
    return sum(d if n % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for n, d in enumerate(digits)) % 10 == 0


def _mod97(text: str) -> int:
    compact = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97


@pytest.mark.parametrize("sort", ["smallint", "integer", "bigint", "numeric(5,0)", "numeric(18,0)"])
def test_integers_are_permuted(connection: Connection, sort: str) -> None:
    """Every smallint has its own mask of as many digits, so a key stays one; of wider types every small number, and the
    largest ones, among which none leaves the type."""
    top = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63, "numeric(5,0)": 10**5, "numeric(18,0)": 10**18}[sort]
    small = range(-32767, 32768) if sort == "smallint" else range(-2000, 20_000)
    values = [str(n) for n in dict.fromkeys([*small, *range(top - 3000, top)]) if n < top]
    masks = [int(m) for m in of_values(connection, column_of(sort), values, "national_id")]
    assert len(set(masks)) == len(values)
    assert [len(str(abs(m))) for m in masks] == [len(v.lstrip("-")) for v in values]
    assert sum(m == int(v) for m, v in zip(masks, values, strict=True)) < len(values) / 50


@pytest.mark.parametrize("unique", [False, True])
@tried
@given(numbers=st.lists(st.integers(10**11, 10**18 - 1), min_size=1, max_size=30))
def test_cards_pass_the_check(connection: Connection, unique: bool, numbers: list[int]) -> None:
    """Masks of card numbers pass Luhn's check, and have their length and first digit."""
    cards = [next(c for c in (f"{n // 10}{d}" for d in range(10)) if _luhn(c)) for n in numbers]
    masks = of_values(connection, column_of("text"), cards, "card_number", unique=unique)
    for card, mask in zip(cards, masks, strict=True):
        assert mask is not None
        assert (len(mask), mask[0], _luhn(mask)) == (len(card), card[0], True)


@pytest.mark.parametrize("unique", [False, True])
@tried
@given(accounts=BANKS, spaced=st.booleans())
def test_ibans_pass_the_check(connection: Connection, unique: bool, accounts: list[str], spaced: bool) -> None:
    """Masks of IBANs pass the check modulo 97, and have their country, length and groups."""
    numbers = [f"{a[:2]}{98 - _mod97(a[:2] + '00' + a[2:]):02d}{a[2:]}" for a in accounts]
    assert {_mod97(n) for n in numbers} == {1}
    if spaced:
        numbers = [" ".join(n[i : i + 4] for i in range(0, len(n), 4)) for n in numbers]
    masks = of_values(connection, column_of("text"), numbers, IBAN.name, unique=unique)
    for number, mask in zip(numbers, masks, strict=True):
        assert mask is not None
        assert (len(mask), mask[:2], _mod97(mask)) == (len(number), number[:2], 1)
        assert [i for i, c in enumerate(mask) if c == " "] == [i for i, c in enumerate(number) if c == " "]


@tried
@given(days=st.lists(st.tuples(st.integers(1, 5), st.integers(-10_000, 10_000)), min_size=2, max_size=30))
def test_the_order_of_a_persons_dates_stays(connection: Connection, days: list[tuple[int, int]]) -> None:
    """With `by`, all dates of one person move by the same whole days, by one at least and no more than asked for."""
    rows = ", ".join(f"({who}, date '2000-01-01' + {day})" for who, day in days)
    mask = masked("date_shift", column_of("date"), by="who", days=20)
    found = run(connection, f"(SELECT * FROM (VALUES {rows}) x(who, v))", [mask])
    other = connection.execute(f"SELECT v FROM (VALUES {rows}) x(who, v)".encode()).fetchall()
    moved: dict[int, set[int]] = {}
    for (who, _), (new,), (old,) in zip(days, found, other, strict=True):
        moved.setdefault(who, set()).add((new - old).days)
    assert all(len(by) == 1 and 1 <= abs(next(iter(by))) <= 20 for by in moved.values())


@tried
@given(values=st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=40), by=st.sampled_from([None, "o"]))
def test_a_shuffle_loses_no_value(connection: Connection, values: list[int | None], by: str | None) -> None:
    """A shuffled column has the values it had, as often, and NULL where it had it."""
    told = [None if v is None else str(v) for v in values]
    masks = of_values(connection, column_of("integer"), told, "shuffle", by=by)
    assert [v is None for v in told] == [m is None for m in masks]
    assert sorted(v for v in told if v is not None) == sorted(m for m in masks if m is not None)


documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), anything),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "q\"'", "c.d"]), inner, max_size=3)
    ),
    max_leaves=12,
)
PATHS = {
    "a.b": {"rule": "email"},
    "a.a[*]": {"rule": "phone"},
    "b[*].a": {"rule": "full_name"},
    '"q\\"\'"': {"rule": "number_noise"},
    '"c.d".b': {"rule": "date_shift"},
}


@pytest.mark.parametrize("type_name", ["json", "jsonb"])
@pytest.mark.parametrize("others", ["keep", "remove"])
@tried
@given(documents=st.lists(documents, max_size=10))
def test_types_inside_documents_stay(connection: Connection, type_name: str, others: str, documents: list[Any]) -> None:
    """Where a value is left, it is of the type it was; null stays null, and nothing fails."""
    told = [json.dumps(d) for d in documents]
    masks = of_values(connection, column_of(type_name), told, "json", paths=PATHS, others=others)
    for value, mask in zip(documents, masks, strict=True):
        assert mask is not None
        _same_types(value, json.loads(mask))


def _same_types(value: Any, mask: Any) -> None:
    if isinstance(value, dict):
        assert isinstance(mask, dict)
        assert set(mask) <= set(value)
        for key in mask:
            _same_types(value[key], mask[key])
    elif isinstance(value, list):
        assert isinstance(mask, list)
        for one, other in zip(value, mask, strict=False):
            _same_types(one, other)
    elif value is None or isinstance(value, bool | str):
        assert type(mask) is type(value)
    else:
        assert isinstance(mask, int | float)
        assert not isinstance(mask, bool)


def test_without_a_key_nothing_is_masked(connection: Connection) -> None:
    """A session without a key, or with a short one, gets an error instead of masks that anybody could compute."""
    for key in ("", "00" * 15):
        with pytest.raises(psycopg.Error, match="too few digits"), connection.transaction(force_rollback=True):
            set_key(connection, key)
            of_values(connection, column_of("text"), ["anna"], "email")
