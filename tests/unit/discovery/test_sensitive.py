"""Rows about health, absence or debts, references to lists that describe people, and words without vowels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenroom.discovery.discover import discover
from greenroom.discovery.model import ColumnFacts, Harmless, Proposal, Sample, TableFacts, Undecided
from greenroom.discovery.naming import tokens
from greenroom.domain.masking import Column
from greenroom.registry import all_detectors, all_rules
from tests.masking_support import column_of
from tests.unit.discovery.test_by_name import judged


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MDWRKR", ("medewerker",)),
        ("GBRTPLTS", ("geboorteplaats",)),
        ("BMRKNG", ("bemerkung",)),
        ("HNDTKNNG", ("handtekening",)),
        ("FMLNSTND", ("familienstand",)),
        ("RMRQ", ("remarque",)),
        ("FRNVN", ("fornavn",)),
        ("PSTNR", ("post", "nr")),
        ("HTTPS", ("https",)),
        ("XMLCFG", ("xmlcfg",)),
        ("rhythm", ("rhythm",)),
    ],
)
def test_words_without_vowels_are_read(name: str, said: tuple[str, ...]) -> None:
    """Of several languages, also with consonants left out between; a program's own short forms are none of them."""
    assert tokens(name) == said


def test_what_happened_to_a_patient_is_never_harmless() -> None:
    """Dates, short texts and numbers of rows that lead to patients, or lie in a schema of health; what they are billed
    for, what a program keeps, and what hangs on nobody is."""
    found, _ = judged(
        "patients: id:ik surname:t! given_name:t!",
        "checkup: id:ik patient_id:i>patients.id began:ts grounds:c updated_at:ts",
        "invoice: id:ik patient_id:i>patients.id amount:n",
        "playlist: id:ik began:ts grounds:c",
    )
    assert not isinstance(found["public.checkup.grounds"], Harmless)
    for path in ("checkup.updated_at", "invoice.amount", "checkup.patient_id", "playlist.began"):
        assert isinstance(found[f"public.{path}"], Harmless), path


def test_dates_of_an_absence_are_for_somebody_to_look_at() -> None:
    """They tell when somebody was ill; the day on which the row was changed does not."""
    found, _ = judged(
        "clerk: id:ik surname:t! given_name:t!", "absence: id:ik clerk_id:i>clerk.id since:d updated_at:ts"
    )
    assert isinstance(found["public.absence.since"], Undecided)
    assert isinstance(found["public.absence.updated_at"], Harmless)


def test_an_entry_of_a_list_that_describes_people_is_for_somebody_to_look_at() -> None:
    """Declared references keep the key they lead to, so no rule is proposed; the list itself is nobody's."""
    found, _ = judged(
        "nation: code:ck label:t",
        "till: id:ik label:t",
        "singer: id:ik surname:t! given_name:t! nationality_code:c>nation.code till_id:i>till.id",
    )
    told = found["public.singer.nationality_code"]
    assert isinstance(told, Undecided)
    assert told.follows == "", "it does not share the list's verdict"
    assert isinstance(found["public.nation.code"], Harmless)
    assert isinstance(found["public.singer.till_id"], Harmless)


def test_so_many_patients_make_a_table_nobodys() -> None:
    """A number called like people in the plural counts them; in the singular it leads to one."""
    found, _ = judged("stats: id:ik month:d sex:c patients:i", "stay: id:ik sex:c patient:i")
    assert not isinstance(found["public.stats.sex"], Proposal)
    assert isinstance(found["public.stay.sex"], Proposal)


def test_the_bank_of_a_customer_is_no_organisation() -> None:
    """A table called like an organisation that has a person's number and no name of its own is about that person."""
    found, _ = judged("bank: client_no:ik! iban:c! holder:t!", "bank_branch: id:ik name:t iban:c")
    assert isinstance(found["public.bank.iban"], Proposal)
    assert not isinstance(found["public.bank_branch.iban"], Proposal)


def test_a_row_leads_on_to_whom_the_row_it_refers_to_names() -> None:
    """Without a table of people, and where programs put their own name before that of the table; a thing's author is
    not whom the rest of it is about."""
    found, _ = judged(
        "shop_stored_card: stored_card_id:ik member_id:i",
        "shop_stored_cardmeta: id:ik stored_card_id:i meta_value:t!",
        "shop_post: post_id:ik author_id:i",
        "shop_postmeta: id:ik post_id:i meta_value:t",
    )
    assert isinstance(found["public.shop_stored_cardmeta.meta_value"], Proposal)
    assert not isinstance(found["public.shop_postmeta.meta_value"], Proposal)


def test_marks_in_an_array_of_a_persons_row_are_not_harmless() -> None:
    """A short list of labels may hold an illness or a faith; of a thing it does not."""
    elements = Sample(100, 90, 90, elements=Sample(90, 90, 3, {"one_word": 90}, 1.0, 9))

    def verdict(table: str, *beside: str) -> object:
        tags = ColumnFacts(column_named(table, "markers", "text[]"), sample=elements)
        others = tuple(ColumnFacts(column_named(table, name, "text")) for name in beside)
        found = discover([TableFacts("public", table, (tags, *others))], all_rules(), all_detectors())
        return found[0]

    assert isinstance(verdict("swimmer", "surname", "given_name"), Undecided)
    assert isinstance(verdict("bridge"), Harmless)


def test_a_number_of_a_customer_is_masked_in_a_numeric_type_too() -> None:
    """`numeric(9)` keys and what refers to them get one rule; of another number of digits they would not meet."""

    def verdicts(other: str) -> list[object]:
        key = ColumnFacts(column_named("client", "client_no", "numeric(9,0)"), is_key=True)
        leads = ColumnFacts(column_named("visit", "client_no", other), refers_to=("public.client.client_no",))
        tables = [TableFacts("public", "client", (key,)), TableFacts("public", "visit", (leads,))]
        return list(discover(tables, all_rules(), all_detectors()))

    assert [v.rule for v in verdicts("numeric(9,0)") if isinstance(v, Proposal)] == ["national_id", "national_id"]
    assert "national_id" not in [v.rule for v in verdicts("numeric(12,0)") if isinstance(v, Proposal)]


def column_named(table: str, name: str, type_name: str) -> Column:
    """A column of a table, as the catalog would describe it."""
    return replace(column_of(type_name), table=table, name=name)
