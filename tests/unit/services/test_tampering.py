"""Somebody writes into the store past Greenroom: what rests on it does not happen, and `ledger verify` names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import accounts, judgements, promotions, record_keeping
from greenroom.services.promotions import why
from greenroom.store.lookups import INDEXED
from greenroom.store.tables import RECORDED
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import ENGINEER, MANAGER, promoted
from tests.worlds import actor, memory_app, token

GONE = "2026-01-01T00:00:00.000000Z"
UNLOCK = ("DROP TRIGGER ledger_no_update", "DROP TRIGGER ledger_no_delete")
EVIL_APPROVAL = (
    "INSERT INTO approval SELECT 'approval-evil', release, environment, 'client', '[\"client\"]', shown, at, '', NULL"
    " FROM approval"
)

PAST_THE_LEDGER: dict[str, tuple[str, ...]] = {
    "an approval that nobody gave": (EVIL_APPROVAL,),
    "an approval of another role": ("UPDATE approval SET roles = '[\"client\", \"manager\"]'",),
    "an approval of somebody else": ("UPDATE approval SET by = 'client'",),
    "an approval dated later": ("UPDATE approval SET at = '2026-12-01T00:00:00.000000Z'",),
    "an approval of what was not shown": ("UPDATE approval SET shown = 'sha256:0'",),
    "an approval removed": ("DELETE FROM approval",),
    "an approver's account with more roles": (
        "UPDATE account SET roles = '[\"client\", \"manager\"]' WHERE id = 'manager'",
    ),
    "an approver's account removed": ("DELETE FROM account WHERE id = 'manager'",),
    "evidence that turned good": ("UPDATE evidence SET outcome = 'failed' WHERE kind = 'seal'",),
    "evidence moved to another release": (
        "UPDATE evidence SET release = (SELECT min(id) FROM release WHERE id != evidence.release)"
        " WHERE kind = 'promotion'",
    ),
    "evidence removed": ("DELETE FROM evidence WHERE kind = 'promotion'",),
    "evidence revoked by nobody": (f"UPDATE evidence SET revoked_at = '{GONE}' WHERE kind = 'seal'",),
    "a freeze that vanished": ("DELETE FROM freeze",),
    "a freeze lifted by nobody": (f"UPDATE freeze SET lifted_at = '{GONE}'",),
    "a release made by somebody else": ("UPDATE release SET made_by = 'eve'",),
    "a release with another descriptor": ("UPDATE release SET descriptor = replace(descriptor, 'python', 'sh')",),
    "an environment that runs something else": ("UPDATE environment SET since = NULL WHERE id = 'staging'",),
    "an environment off the path": (f"UPDATE environment SET removed_at = '{GONE}' WHERE id = 'staging'",),
    "an environment of another kind": ("UPDATE environment SET kind = 'dev' WHERE id = 'production'",),
    "environments in another order": (
        "UPDATE environment SET position = -1 WHERE id = 'staging'",
    ),
    "a configuration with other words": ("UPDATE policy SET text = replace(text, 'count: 2', 'count: 1') || ' '",),
    "a configuration applied by nobody": (
        "INSERT INTO policy SELECT 'sha256:1', text, repository, 'eve', '2030-01-01T00:00:00.000000Z' FROM policy",
    ),
    "an entry with other contents": (*UNLOCK, "UPDATE ledger SET actor = 'eve' WHERE event = 'approval.given'"),
    "an approval and its entry": (
        *UNLOCK,
        "UPDATE approval SET note = 'x'",
        "UPDATE ledger SET subject = json_set(subject, '$.approval.note', 'x') WHERE event = 'approval.given'",
    ),
    "an override that nobody gave": (
        "INSERT INTO override SELECT 'o1', 'approvals', release, environment, 'manager', 'manager', 'x', at, at"
        " FROM approval",
    ),
}  # fmt: skip


def tamper(tx: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        assert tx.execute(text(statement)).rowcount != 0, statement


@pytest.mark.parametrize("how", PAST_THE_LEDGER)
def test_nothing_is_promoted_on_what_the_ledger_does_not_tell(tmp_path: Path, how: str) -> None:
    """At the moment of execution: the work is refused and says why, nothing was started, `ledger verify` names it."""
    story = Story(tmp_path)
    freeze = (
        judgements.freeze(memory_app(story.world), MANAGER, "production", reason="audit") if "freeze" in how else None
    )
    work_id = promoted_or_held(story, freeze is not None)
    with story.world.store.database.transaction() as tx:
        tamper(tx, PAST_THE_LEDGER[how])
        story.world.store.works.signal(tx)
    before = story.running()
    work = story.run(work_id)
    assert work.state is State.REJECTED
    assert work.error is not None
    assert work.error["code"] in ("gate.refused", "ledger.broken")
    assert "contradicts the ledger" in work.error["because"] or work.error["code"] == "ledger.broken", work.error
    assert story.running() == before
    verified = record_keeping.verify(memory_app(story.world), MANAGER)
    assert verified["problems"], "ledger verify finds nothing"


def promoted_or_held(story: Story, frozen: bool) -> str:
    """A promotion with the approval it needs. Under a freeze it was asked for before."""
    if not frozen:
        return promoted(story)
    app = memory_app(story.world)
    judgements.thaw(app, MANAGER, "production")
    work_id = promoted(story)
    judgements.freeze(app, MANAGER, "production", reason="audit")
    return work_id


def test_asking_says_it_at_once(tmp_path: Path) -> None:
    """`promote` and `why` refuse as well, with a line that no override sets aside."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    with story.world.store.database.transaction() as tx:
        tamper(tx, ("UPDATE evidence SET by = 'eve' WHERE kind = 'seal'",))
    line = why(app, ENGINEER, story.new, "production").decision.refused[0]
    assert (line.gate, line.overridden_by) == ("ledger", None)
    with pytest.raises(Refused) as refused:
        promotions.promote(app, ENGINEER, story.new, "production")
    assert "contradicts the ledger" in refused.value.because


def test_a_damaged_approval_does_not_stand_in_the_way_back(tmp_path: Path) -> None:
    """A rollback is asked little, and rests on little: it goes on."""
    story = Story(tmp_path)
    assert story.run(promoted(story)).state is State.DONE
    with story.world.store.database.transaction() as tx:
        tamper(tx, (EVIL_APPROVAL,))
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert work is not None
    assert story.run(work.id).state is State.DONE


def test_an_entry_that_comes_while_the_ledger_is_looked_at_is_no_damage(tmp_path: Path) -> None:
    """Who looks sees the ledger as of one instant; an entry that another thread writes after that is not missing."""
    story = Story(tmp_path)
    database = story.world.store.database
    assert story.run(promoted(story)).state is State.DONE
    with database.reading() as looking:
        before = looking.scalar(text("SELECT count(*) FROM ledger"))
        judgements.freeze(memory_app(story.world), MANAGER, "production", reason="audit")
        assert database.tip is not None
        assert database.tip[0] > before
        story.world.store.witness.chain_holds(looking)


@pytest.mark.parametrize("what", ["DELETE FROM ledger WHERE event = 'freeze.declared'", "rewritten"])
def test_a_ledger_that_was_cut_or_regrown_lets_nothing_in(tmp_path: Path, what: str) -> None:
    """An entry and its row are gone, or the whole chain was made anew: the next promotion is refused."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    first = promoted(story)
    assert story.run(first).state is State.DONE  # the control plane has seen the chain
    judgements.freeze(app, MANAGER, "production", reason="audit")
    judgements.thaw(app, MANAGER, "production")
    with story.world.store.database.transaction() as tx:
        tamper(tx, (*UNLOCK, "DELETE FROM freeze", what) if what != "rewritten" else (*UNLOCK, "DELETE FROM freeze"))
        if what == "rewritten":
            regrow(story, tx)
    again = promotions.promote(app, actor(Role.DEVELOPER), story.new, "dev").work
    assert again is not None
    ended = story.run(again.id)
    assert ended.error is not None
    assert ended.error["code"] == "ledger.broken"


def regrow(story: Story, tx: Connection) -> None:
    """Every entry but those about the freeze, numbered and chained anew: in itself the chain is sound."""
    from greenroom.domain import ledger as chain
    from greenroom.store.recorder import _columns
    from greenroom.store.tables import ledger

    entries = [e for e in story.world.store.recorder.entries(tx) if not e.event.startswith("freeze.")]
    tx.execute(ledger.delete())
    last = None
    for e in entries:
        last = chain.append(last, e.at, e.actor, e.event, e.subject)
        tx.execute(ledger.insert().values(**_columns(last)))
    assert isinstance(chain.verify(story.world.store.recorder.entries(tx)), chain.Verified)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE account SET roles = '[\"administrator\"]' WHERE id = 'eve'",
        "UPDATE account SET disabled_at = NULL WHERE id = 'eve'",
        "INSERT INTO account SELECT 'mallory', roles, token_hash, created_at, NULL FROM account WHERE id = 'eve'",
    ],
)
def test_an_account_past_the_ledger_opens_nothing(tmp_path: Path, sql: str) -> None:
    """More roles, a withdrawn account brought back, a copied one: its token is refused, others are not."""
    story = Story(tmp_path)
    app = memory_app(story.world)
    given = token(app, Role.CLIENT, name="eve")
    other = token(app, Role.MANAGER, name="mia")
    if "disabled_at = NULL" in sql or "mallory" in sql:
        accounts.disable(app, actor(Role.ADMINISTRATOR, name="root"), "eve")
        assert accounts.authenticate(app, given) is None
    with story.world.store.database.transaction() as tx:
        tamper(tx, (sql,))
    with pytest.raises(Refused) as refused:
        accounts.authenticate(app, given)
    assert refused.value.code == "account.contradicted"
    assert accounts.authenticate(app, other) is not None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE evidence SET at = 'tomorrow'",
        "UPDATE approval SET roles = '{'",
        "UPDATE release SET descriptor = '[[['",
    ],
)
def test_a_value_that_cannot_be_read_is_named(tmp_path: Path, sql: str) -> None:
    """It is an answer with a code, and `ledger verify` names the table."""
    story = Story(tmp_path)
    work_id = promoted(story)
    app = memory_app(story.world)
    with story.world.store.database.transaction() as tx:
        tamper(tx, (sql,))
        story.world.store.works.signal(tx)
    with pytest.raises(Errored) as errored:
        why(app, ENGINEER, story.new, "production")
    assert errored.value.code == "store.damaged"
    ended = story.run(work_id)
    assert (ended.state, (ended.error or {})["code"]) == (State.REJECTED, "store.damaged")
    problems = record_keeping.verify(app, MANAGER)["problems"]
    assert [p for p in problems if p.startswith(sql.split()[1])], problems


def test_one_event_sets_one_set_of_columns_of_an_environment(tmp_path: Path) -> None:
    """What lets the witness read the newest entry of each event instead of all of them."""
    story = Story(tmp_path)
    assert story.run(promoted(story)).state is State.DONE
    work = promotions.roll_back(memory_app(story.world), ENGINEER, "production").work
    assert work is not None
    story.run(work.id, until=lambda w: w.step == "bake")
    promotions.cancel(memory_app(story.world), ENGINEER, work.id)
    story.run(work.id)
    columns: dict[str, set[frozenset[str]]] = {}
    with story.world.store.database.reading() as tx:
        for entry in story.world.store.recorder.entries(tx):
            if "environment" in entry.subject:
                columns.setdefault(entry.event, set()).add(frozenset(entry.subject["environment"]))
    assert {"environment.laid_out", "traffic.switched", "traffic.returned"} <= set(columns)
    assert all(len(found) == 1 for found in columns.values()), columns


def test_every_recorded_table_can_be_looked_up() -> None:
    """A table that is recorded is witnessed, and so is work: nobody forgets a new one."""
    assert set(INDEXED) == {*RECORDED, "about"}
