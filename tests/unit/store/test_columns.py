"""Any text a stranger's program prints can be kept, and the ledger proves what was kept."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from greenroom.domain import ledger as chain
from greenroom.domain.ledger import Verified
from greenroom.store import tables as t
from greenroom.store.columns import storable
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder, differences, project
from tests.twins import FakeClock

HOSTILE = ["\0", "a\0b", "\ud800", "\udc80 first", "\ud83d\ude00", "", "ü €", "\ufffd"]
texts = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=6)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_is_storable_has_utf_8_without_nul_and_stays_as_it_is(value: Any) -> None:
    """Making storable twice changes nothing more, and the result is text that every store takes."""
    found = storable(value)
    assert storable(found) == found
    assert b"\0" not in str(found).encode()


@given(st.lists(st.tuples(texts, texts, values), min_size=1, max_size=4))
def test_any_text_is_kept_and_proved(records: list[tuple[str, str, Any]]) -> None:
    """Rows and entries with any text are written, read back alike, and the chain and the tables hold together."""
    clock = FakeClock()
    with TemporaryDirectory() as directory:
        database = Database.sqlite(Path(directory) / "store.db", clock)
        database.open()
        _keep_and_prove(Recorder(database), clock, records)
        database.close()


def _keep_and_prove(recorder: Recorder, clock: FakeClock, records: list[tuple[str, str, Any]]) -> None:
    with recorder.database.transaction() as tx:
        for key, text, value in records:
            facts = {"id": key, "kind": text, "name": "", "release": "", "outcome": "passed", "by": "mia"}
            recorder.record(tx, text, "noted", {"said": value}, evidence={**facts, "at": clock.now(), "facts": [value]})
            recorder.append(tx, text, text, {"about": value})
        told = project(recorder.entries(tx))
        assert differences(tx, told) == []
        assert chain.verify(recorder.entries(tx)) == Verified(2 * len(records), chain_head(recorder, tx))
        c = t.evidence.c
        for key, _, _ in records:
            assert tx.scalar(select(c.id).where(c.id == key)) == storable(key)


def chain_head(recorder: Recorder, tx: Any) -> str:
    return list(recorder.entries(tx))[-1].hash
