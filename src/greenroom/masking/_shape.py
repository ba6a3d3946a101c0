"""Other characters in the same shape: each digit becomes a digit, each letter a letter of the same case, and spaces,
hyphens, dots and the like stay where they are.

Characters beyond ASCII become others of their block of 64 code points, so Cyrillic stays Cyrillic more or less.
Values of digits and common separators take a short way through numbers; all others go character by character.

The unique form is a permutation of all values of one shape, so that different values stay different: a Feistel network
of four rounds whose halves are added to, digit by digit, modulo 10 (26 for letters). Halves of a decimal number are
themselves decimal, so nothing has to be walked in cycles. (The construction is that of NIST SP 800-38G, FF1, with
SHA-256 of key and half as the round function and fewer rounds; it hides values, it is no encryption to be undone.)
"""

from __future__ import annotations

from greenroom.domain.masking import Digest
from greenroom.masking._sql import digest, given, integer

SEPARATORS = " -+()/."
LONGEST_NUMBER = 18  # digits that a bigint surely holds
ROUNDS = 4
_POWERS = "'{" + ",".join(str(10**n) for n in range(LONGEST_NUMBER + 1)) + "}'::bigint[]"


def power(exponent: str) -> str:
    """Ten to the power of an integer expression in 0 … 18."""
    return f"({_POWERS})[({exponent}) + 1]"


def digits_in(text: str) -> str:
    """The text without separators."""
    return f"translate({text}, '{SEPARATORS}', '')"


def is_number(text: str) -> str:
    """Whether a text has nothing but separators and 1 … 18 digits."""
    count = f"length({digits_in(text)})"
    return f"(translate({text}, '0123456789{SEPARATORS}', '') = '' AND {count} BETWEEN 1 AND {LONGEST_NUMBER})"


def eighteen_digits(digest_sql: str, first: int = 0) -> str:
    """A bigint of up to 18 digits from twelve bytes of a digest."""
    high, low = integer(digest_sql, first), integer(digest_sql, first + 6)
    return f"(mod({high}, 1000000000) * 1000000000 + mod({low}, 1000000000))"


def formatted(number: str, like: str) -> str:
    """A number written with the separators of a text `like`, whose digits are as many as the number may have."""
    pattern = f"translate({like}, '123456789.', '000000000_')"
    return f"translate(to_char({number}, 'FM' || {pattern}), '_', '.')"


def reshaped(text: str, digest_sql: str) -> str:
    """The text in its shape with the characters of a digest. Not a permutation: values may fall together."""
    number = f"mod({eighteen_digits(digest_sql)}, {power(f'length({digits_in(text)})')})"
    return f"CASE WHEN {is_number(text)} THEN {formatted(number, text)} ELSE {_added(text, digest_sql)} END"


def permuted(text: str, use: str) -> Digest:
    """The text in its shape, different for different texts. `text` is an expression over `t`; the result is text."""
    number = [("d", f"length({digits_in('g.x')})"), ("n", f"{digits_in('g.x')}::bigint"), ("w", "0::bigint")]
    short = given({"x": text}, [*number, *_rounds(use)], formatted(f"(g.l2 * {power('g.d / 2')} + g.r2)", "g.x"))
    long = given({"x": text}, _text_rounds(use), "g.l2 || g.r2")
    return digest(f"CASE WHEN {is_number(text)} THEN {short} ELSE {long} END")


def permuted_number(number: str, digits: str, use: str, tweak: str) -> str:
    """A number of so many digits (0 … 18, an expression) made another one of as many; `tweak` is a bigint that makes it
    another permutation. All are expressions over what is in scope, with `k.key`."""
    inputs = {"n": number, "d": digits, "w": tweak}
    return given(inputs, _rounds(use), f"g.l2 * {power('g.d / 2')} + g.r2")


def permuted_integer(number: str, largest: int, use: str) -> Digest:
    """An integer made another one of as many digits and the same sign, different for different ones. `number` is an
    expression over `t`, `largest` what its type holds; zero stays zero.

    The digits after the first are permuted, with the first as tweak, then the first is moved by a hash of them: what
    comes out has no leading zero, and leads back. Numbers of as many digits as `largest` are turned by an amount that
    the key gives, within their own range; so is nothing beyond it (-32768 has no counterpart in a smallint).
    """
    digits = len(str(largest))
    low = 10 ** (digits - 1)
    tag = f"'\\x{use.encode().hex()}02'::bytea"
    away = f"mod({integer(f'sha256(k.key || {tag})', 0)}, {largest - low}) + 1"
    first = f"mod({integer(f'sha256(k.key || {tag} || int8send(g.r))', 0)}, 9)"
    steps = [
        ("a", "abs(g.x)"),
        ("d", "length(g.a::text)"),
        ("f", f"g.a / {power('g.d - 1')}"),
        ("r", permuted_number(f"mod(g.a, {power('g.d - 1')})", "g.d - 1", use, "g.f")),
    ]
    turned = f"{low} + mod(g.a - {low} + {away}, {largest - low + 1}::bigint)"
    moved = f"(1 + mod(g.f - 1 + {first}, 9)) * {power('g.d - 1')} + g.r"
    other = given({"x": "g.n"}, steps, f"sign(g.x)::bigint * CASE WHEN g.d = {digits} THEN {turned} ELSE {moved} END")
    kept = f"g.n = 0 OR g.n NOT BETWEEN -{largest} AND {largest}"
    return digest(given({"n": number}, [], f"CASE WHEN {kept} THEN g.n ELSE {other} END"))


def _rounds(use: str) -> list[tuple[str, str]]:
    """From the number n of d digits and the tweak w: halves l and r (the right one has d / 2), and their successors."""

    def mixed(half: str, other: str, size: str, turn: int) -> str:
        tag = f"'\\x{use.encode().hex()}00{turn:02x}'::bytea"
        hashed = f"sha256(k.key || {tag} || int8send({other}) || int8send(g.d::bigint) || int8send(g.w))"
        return f"mod({half} + mod({integer(hashed, 0)}, {power(size)}), {power(size)})"

    left, right = "g.d - g.d / 2", "g.d / 2"
    return [
        ("l", f"g.n / {power(right)}"),
        ("r", f"mod(g.n, {power(right)})"),
        ("r1", mixed("g.r", "g.l", right, 1)),
        ("l1", mixed("g.l", "g.r1", left, 2)),
        ("r2", mixed("g.r1", "g.l1", right, 3)),
        ("l2", mixed("g.l1", "g.r2", left, 4)),
    ]


def _text_rounds(use: str) -> list[tuple[str, str]]:
    """The same with halves of the text x."""
    bindings = [("l", "left(g.x, length(g.x) / 2)"), ("r", "substr(g.x, length(g.x) / 2 + 1)")]
    names = {"l": "l", "r": "r"}
    for turn in range(1, ROUNDS + 1):
        half, other = ("r", "l") if turn % 2 else ("l", "r")
        tag = f"'\\x{use.encode().hex()}01{turn:02x}'::bytea"
        hashed = f"h{turn}"
        bindings.append((hashed, f"sha256(k.key || {tag} || convert_to(g.{names[other]}, 'UTF8'))"))
        new = f"{half}{(turn + 1) // 2}"
        bindings.append((new, _added(f"g.{names[half]}", f"g.{hashed}")))
        names[half] = new
    return bindings


def _added(text: str, digest_sql: str) -> str:
    """Every character moved on within its kind by a byte of the digest, which is used again after 32 characters."""
    moved = (
        "CASE WHEN a BETWEEN 48 AND 57 THEN chr(48 + mod(a - 48 + n, 10))"
        " WHEN a BETWEEN 65 AND 90 THEN chr(65 + mod(a - 65 + n, 26))"
        " WHEN a BETWEEN 97 AND 122 THEN chr(97 + mod(a - 97 + n, 26))"
        " WHEN a > 127 THEN chr(a - mod(a, 64) + mod(a + n, 64)) ELSE c END"
    )
    letters = f"string_to_table({text}, NULL) WITH ORDINALITY AS u(c, i)"
    each = f"SELECT c, i, ascii(c) AS a, get_byte({digest_sql}, mod(i - 1, 32)::int) AS n FROM {letters}"
    return f"(SELECT coalesce(string_agg({moved}, '' ORDER BY i), '') FROM ({each}) m)"
