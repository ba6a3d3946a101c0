"""Following work: everything once, in order, from where one was, and to the end."""

from __future__ import annotations

import json
from typing import Any

from greenroom.api.events import Position
from greenroom.cli.events import Event, parse
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import Direction, State
from tests.api_support import Api
from tests.worlds import added_work


def ended(api: Api) -> str:
    """Work with two steps behind it and a line in each, in the order line, step, line, step."""
    work = added_work(api.world, WorkKind.CHECK, State.DONE, environment="qa", release=api.old)
    for step in ("first", "second"):
        api.world.progress.say(work.id, step, f"in the {step}")
        api.world.clock.sleep(1.0)
        with api.world.store.database.transaction() as tx:
            at = api.world.clock.now()
            api.world.store.works.remember(tx, work, step, "done", at, 0.5, "")
        api.world.clock.sleep(1.0)
    return work.id


def events(api: Api, work: str, last: str | None = None, role: Role = Role.TESTER) -> list[tuple[str, Event]]:
    headers = {"Last-Event-ID": last} if last else {}
    answer = api.ask("GET", f"/work/{work}/events", role, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return list(parse(iter(answer.text.split("\n"))))


def names(found: list[tuple[str, Event]]) -> list[Any]:
    return [(e.name, e.data.get("step")) for _, e in found if e.name in ("line", "step")]


def test_lines_and_steps_come_in_the_order_they_happened(api: Api) -> None:
    """Then the state, then the end with the work in full, and the stream is over."""
    found = events(api, ended(api))
    assert names(found) == [("line", "first"), ("step", "first"), ("line", "second"), ("step", "second")]
    assert [e.name for _, e in found][-2:] == ["state", "end"]
    assert [s["name"] for s in found[-1][1].data["steps"]] == ["first", "second"]
    assert found[1][1].data["seconds"] == 0.5


def test_what_programs_say_is_for_those_who_may_read_logs_there(api: Api) -> None:
    """A client follows the steps, and Greenroom's own lines; what a migration says of the data stays inside."""
    work = added_work(api.world, WorkKind.CHECK, State.DONE, environment="qa", release=api.old)
    api.world.progress.say(work.id, "migrate", "duplicate key: ann@example.org")
    api.world.progress.say(work.id, "switch", "visitors reach 2.0")
    heard = [e.data["text"] for _, e in events(api, work.id) if e.name == "line"]
    assert heard == ["duplicate key: ann@example.org", "visitors reach 2.0"]
    seen = events(api, work.id, role=Role.CLIENT)
    assert [e.data["text"] for _, e in seen if e.name == "line"] == ["visitors reach 2.0"]
    assert seen[-1][1].data["heard"] is False


def test_a_watcher_goes_on_where_it_was(api: Api) -> None:
    """After `Last-Event-ID` nothing comes twice and nothing is left out, wherever the connection broke."""
    work = ended(api)
    whole = events(api, work)
    for index, (identifier, _) in enumerate(whole[:4]):
        rest = events(api, work, identifier)
        assert names(rest) == names(whole[index + 1 :])


def test_an_identifier_of_a_former_life_repeats_lines_but_no_steps(api: Api) -> None:
    """Lines are kept in memory and count anew after a restart; steps are in the store."""
    work = ended(api)
    attempts = [e.data["id"] for _, e in events(api, work) if e.name == "step"]
    found = events(api, work, f"0ther.{attempts[-1]}.99")
    assert names(found) == [("line", "first"), ("line", "second")]


def test_a_strange_identifier_starts_from_the_beginning() -> None:
    """Whatever a client sends there."""
    for text in ("", "x", "a.b.c", "1.2", "boot.-1.2", "boot.1." + "9" * 60, "é.1.1"):
        assert Position.parse(text, "boot") in (Position("boot"), Position("boot", 1, 0))


def test_watching_ends_when_the_account_is_disabled(api: Api) -> None:
    """A stream is no way to keep what was taken away."""
    work = added_work(api.world, WorkKind.CHECK, State.ACTIVE, environment="qa", release=api.old)
    from greenroom.services import accounts
    from tests.worlds import actor

    token = accounts.add(api.app, actor(Role.ADMINISTRATOR, name="root"), "leaver", ["client"]).reveal()
    real = accounts.authenticate
    calls = []

    def leaves(app: Any, given: str) -> Any:
        calls.append(given)
        if len(calls) == 3:
            accounts.disable(api.app, actor(Role.ADMINISTRATOR, name="root"), "leaver")
        return real(app, given)

    accounts.authenticate = leaves  # type: ignore[assignment]
    try:
        answer = api.client.get(f"/api/v1/work/{work.id}/events", headers={"Authorization": f"Bearer {token}"})
    finally:
        accounts.authenticate = real
    found = list(parse(iter(answer.text.split("\n"))))
    assert found[-1][1].name == "error"
    assert found[-1][1].data["code"] == "auth.invalid"


def test_every_event_is_one_json_object(api: Api) -> None:
    """Line ends inside what was said do not end the event."""
    work = added_work(api.world, WorkKind.CHECK, State.DONE, environment="qa", release=api.old)
    api.world.progress.say(work.id, "check", "two\nlines\r\n\r\nevent: end")
    found = events(api, work.id)
    assert [e.name for _, e in found] == ["line", "state", "end"]
    assert found[0][1].data["text"] == "two\nlines\r\n\r\nevent: end"
    assert json.dumps(found[0][1].data)
    assert found[1][1].data["direction"] == Direction.FORWARD
