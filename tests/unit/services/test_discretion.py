"""Who sees what programs said; and old work can be told of when its release is gone."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select

from greenroom.domain.discretion import with_digests, without_words
from greenroom.domain.errors import Refused
from greenroom.domain.roles import Action, Role, may
from greenroom.domain.work import State
from greenroom.services import collect, judgements, promotions, record_keeping, releases, status
from greenroom.services.discretion import error_for_all
from greenroom.store import tables
from tests.unit.services.standing import ENGINEER, MANAGER, Standing
from tests.worlds import actor, added_work, placed, sealed

LEAK = "duplicate key: email=ann@example.org"
NO_EARS = [Role.CLIENT, Role.DEVELOPER, Role.TESTER, Role.MANAGER, Role.ENGINEER, Role.AUTOMATION]
OPERATOR = actor(Role.OPERATOR)


def failed(story: Standing, command: str) -> str:
    """A promotion into production that failed at this command, which said what it should not have."""
    story.world.runtime.will_finish(("python", command), 1, LEAK)
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    assert story.run(work.id).state is State.ROLLED_BACK
    return work.id


def everything(story: Standing, role: Role, work: str) -> str:
    """All that the API could answer this role about it."""
    who = actor(role)
    told: list[Any] = [
        status.work(story.app, who, work),
        status.works(story.app, who),
        status.path(story.app, who),
        releases.shown(story.app, who, story.new),
    ]
    return json.dumps(told, default=str)


@pytest.mark.parametrize("command", ["migrate.py", "journey.py"])
@pytest.mark.parametrize("role", NO_EARS)
def test_what_production_said_is_not_for(story: Standing, command: str, role: Role) -> None:
    """Neither errors nor history, facts, evidence or the path tell it to a role that may not read its logs."""
    work = failed(story, command)
    told = everything(story, role, work)
    assert LEAK not in told
    assert "ann@example.org" not in told
    assert "whoever may read logs of production sees why" in told


@pytest.mark.parametrize("command", ["migrate.py", "journey.py"])
def test_what_production_said_is_for_the_operator(story: Standing, command: str) -> None:
    """Whoever may read production's logs reads why it failed, in the same places."""
    work = failed(story, command)
    assert status.work(story.app, OPERATOR, work)["heard"]
    assert LEAK in status.work(story.app, OPERATOR, work)["error"]["because"]
    assert LEAK in everything(story, Role.OPERATOR, work)


def test_what_failed_and_where_is_for_everybody(story: Standing) -> None:
    """Code, message and steps stay: who asked for it sees that the migration failed."""
    view = status.work(story.app, ENGINEER, failed(story, "migrate.py"))
    assert not view["heard"]
    assert view["error"]["code"] == "migration.failed"
    assert view["error"]["message"]
    assert [line["step"] for line in view["history"] if line["outcome"] == "failed"] == ["migrate"]


@pytest.mark.parametrize("command", ["migrate.py", "journey.py"])
def test_the_ledger_has_a_digest_of_what_programs_said(story: Standing, command: str) -> None:
    """It is kept for ever, and its readers need not be those of logs: no role, not the operator either, finds output on
    it, in one page or in the whole. The digest proves the text to whoever has it."""
    work = failed(story, command)
    digest = f"sha256:{hashlib.sha256(LEAK.encode()).hexdigest()}"
    readers = [role for role in Role if may([role], Action.READ_LEDGER)]
    assert set(readers) == {Role.ENGINEER, Role.MANAGER, Role.OPERATOR, Role.ADMINISTRATOR}
    for role in Role:
        if role not in readers:
            with pytest.raises(Refused):
                record_keeping.entries(story.app, actor(role))
            continue
        for told in (record_keeping.entries(story.app, actor(role)), record_keeping.page(story.app, actor(role))):
            said = json.dumps(told, default=str)
            assert work in said
            assert LEAK not in said
            assert "ann@example.org" not in said
            assert command != "journey.py" or digest in said
    assert record_keeping.verify(story.app, OPERATOR)["problems"] == []


def test_output_that_was_changed_past_the_ledger_is_found(story: Standing) -> None:
    """The digest binds it: another text, or none, is named."""
    failed(story, "journey.py")
    rows = tables.evidence
    with story.world.store.database.transaction() as tx:
        found = tx.execute(select(rows).where(rows.c.kind == "check", rows.c.outcome == "failed")).first()
        assert found is not None
        assert found.facts["output"] == LEAK
        tx.execute(rows.update().where(rows.c.id == found.id).values(facts={**found.facts, "output": "all is well"}))
    assert record_keeping.verify(story.app, OPERATOR)["problems"] == [
        f"evidence {found.id}: facts was changed past the ledger"
    ]


def test_each_environment_by_its_kind(story: Standing) -> None:
    """A developer reads what dev said, and not what production said, of the same list."""
    error = {"code": "check.failed", "message": "no", "because": LEAK}
    for environment in ("dev", "production"):
        added_work(story.world, promotions.WorkKind.CHECK, State.REJECTED, environment=environment, error=error)
    told = {w["environment"]: w["error"]["because"] for w in status.works(story.app, actor(Role.DEVELOPER))[:2]}
    assert told["dev"] == LEAK
    assert LEAK not in told["production"]


def test_where_in_a_database_it_happened_is_for_everybody() -> None:
    """State, names and position are kept, PostgreSQL's words are not: enough to mend it, and nobody's value."""
    facts = {"sqlstate": "23505", "schema": "public", "table": "person", "constraint": "person_email_key", "n": 3}
    error = {"code": "database.failed", "message": "no", "because": LEAK, "next": "mend it", "facts": facts}
    told = error_for_all(error, "production")
    assert told is not None
    assert told["because"] == (
        "sqlstate 23505, schema public, table person, constraint person_email_key;"
        " whoever may read logs of production sees why"
    )
    assert (told["facts"], told["next"]) == (facts, "mend it")


OWN = (
    "gate.refused",
    "bake.worse",
    "canary.worse",
    "work.forward_only.attention",
    "data.constraint_broken",
    "data.leak",
)


@pytest.mark.parametrize("code", [*OWN, "data.row_refused", "home.no_room"])
def test_greenroom_s_own_reasons_are_for_everybody(code: str) -> None:
    """What the gates, the bake and the engine say of counts, names and times is no program's output."""
    error = {"code": code, "message": "no", "because": "5 of 100 requests failed"}
    assert error_for_all(error, "qa") == error
    assert error_for_all(None, "qa") is None


def test_what_gates_said_stays_on_the_ledger() -> None:
    """A line that passed or waits has no code, and is in Greenroom's own words all the same."""
    line = {"gate": "soak", "verdict": "waiting", "because": "2 of 24 hours", "code": None}
    refused = {"code": "gate.refused", "because": "soak: 2 of 24 hours", "facts": {"lines": [line]}}
    assert with_digests({"about": {"error": refused}}) == {"about": {"error": refused}}


def test_output_is_found_however_deep() -> None:
    """Facts within facts, in lists too; everything else is kept."""
    facts = {"check": {"seconds": 1, "output": LEAK, "runs": [{"tail": LEAK, "code": 1}]}, "detail": LEAK}
    assert without_words(facts) == {"check": {"seconds": 1, "runs": [{"code": 1}]}}


def test_an_environment_that_was_removed_is_as_strict_as_production(story: Standing) -> None:
    """Nobody learns what it said by taking it off the path."""
    error = {"code": "check.failed", "message": "no", "because": LEAK}
    work = added_work(story.world, promotions.WorkKind.CHECK, State.REJECTED, environment="attic", error=error)
    found = next(w for w in status.works(story.app, actor(Role.DEVELOPER)) if w["id"] == work.id)
    assert found["error"]["because"] != LEAK


@pytest.mark.parametrize("role", [Role.TESTER, Role.DEVELOPER, Role.OPERATOR, Role.CLIENT])
def test_a_seal_is_revoked_by_those_who_may_in_production(story: Standing, role: Role) -> None:
    """Production stands on it too: a tester, who may revoke in QA, cannot take its way back away."""
    seal = next(e for e in story.evidence(story.old) if e.kind == "seal")
    with pytest.raises(Refused) as refused:
        judgements.revoke(story.app, actor(role), seal.id, "oops")
    assert refused.value.code == "role.missing"
    assert next(e for e in story.evidence(story.old) if e.id == seal.id).revoked_at is None


def test_an_engineer_revokes_a_seal(story: Standing) -> None:
    """Whoever may revoke in production may; then the release goes nowhere."""
    seal = next(e for e in story.evidence() if e.kind == "seal")
    judgements.revoke(story.app, ENGINEER, seal.id, "a library is withdrawn")
    assert not story.passed("sealed")
    assert "a library is withdrawn" in story.because("sealed")


def test_work_is_listed_when_its_release_was_collected(story: Standing) -> None:
    """Lists, single works and the path go on telling of it, by its version."""
    for version in ("0.1", "0.2", "0.3"):
        placed(story.world, sealed(story.world, version), "dev")
        story.world.clock.forward(60)
    gone = collect.collect(story.app, ENGINEER, keep_newest=1)["removed"]
    assert gone
    told = status.works(story.app, ENGINEER)
    assert {"0.1", "0.2", "0.3"} <= {w["version"] for w in told}
    assert all(status.work(story.app, ENGINEER, w["id"])["version"] for w in told)
    assert status.path(story.app, ENGINEER)["environments"]
