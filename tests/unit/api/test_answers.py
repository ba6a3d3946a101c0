"""What the API answers to those who may ask."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.keeper.logs import note, rotate
from greenroom.ports.edge import Pointer
from greenroom.services import logs
from tests.api_support import Api
from tests.worlds import SMALL, added_work


def test_a_secret_goes_in_and_never_comes_out(api: Api) -> None:
    """Not in an answer, not on the ledger, not in a log line; the name is enough."""
    put = api.ask("PUT", "/secrets/dev/PAYMENT_TOKEN", Role.DEVELOPER, json={"value": "hunter22"})
    assert put.json() == {"environment": "dev", "name": "PAYMENT_TOKEN", "declared": True}
    listed = api.ask("GET", "/secrets/dev", Role.DEVELOPER)
    assert {s["name"]: s["is_set"] for s in listed.json()} == {"PAYMENT_TOKEN": True, "SECRET_KEY": False}
    exported = api.ask("GET", "/ledger/export", Role.MANAGER)
    assert '"secret.set"' in exported.text
    assert all("hunter22" not in answer.text for answer in (put, listed, exported))
    assert api.world.secrets.values("dev")["PAYMENT_TOKEN"].reveal() == "hunter22"
    assert api.world.secrets.names("qa") == []


def test_removing_a_secret_that_is_not_set_is_404(api: Api) -> None:
    """And once it is removed, it is gone."""
    assert api.ask("DELETE", "/secrets/dev/NOPE", Role.DEVELOPER).json()["code"] == "secret.unknown"
    api.ask("PUT", "/secrets/dev/X", Role.DEVELOPER, json={"value": "v" * 10})
    assert api.ask("DELETE", "/secrets/dev/X", Role.DEVELOPER).status_code == 204
    assert api.world.secrets.names("dev") == []


@pytest.mark.parametrize(("name", "value"), [("1X", "v"), ("X", ""), ("X", "a\0b"), ("A B", "v")])
def test_a_secret_no_process_could_have_is_refused(api: Api, name: str, value: str) -> None:
    """And what was refused is not on the ledger."""
    answer = api.ask("PUT", f"/secrets/dev/{name}", Role.DEVELOPER, json={"value": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "secrets.invalid")
    assert "secret.set" not in api.ask("GET", "/ledger/export", Role.MANAGER).text


def said(api: Api, name: str, text: str, env: str = "dev") -> Path:
    directory = api.world.runtime.prepare(env).logs
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    with path.open("a") as file:
        file.write(text)
    return path


def test_logs_name_their_source_and_hide_secrets(api: Api) -> None:
    """Values of the environment's secrets, and passwords in addresses, are not shown."""
    api.ask("PUT", "/secrets/dev/PAYMENT_TOKEN", Role.DEVELOPER, json={"value": "hunter22"})
    said(api, "dev.web.0.00a1.log", "token hunter22\npostgresql://app:pa55@127.0.0.1/shop\n")
    said(api, "migrate-promotion-00a1.log", "migrated\n")
    found = api.ask("GET", "/environments/dev/logs", Role.DEVELOPER).json()["lines"]
    assert {(x["source"], x["text"]) for x in found} == {
        ("web.0", "token ••••"),
        ("web.0", "postgresql://app:••••@127.0.0.1/shop"),
        ("migrate", "migrated"),
    }


def test_logs_of_one_process(api: Api) -> None:
    """By its name, by its number; an unknown one names those there are."""
    said(api, "dev.web.0.00a1.log", "one\n")
    said(api, "dev.worker.0.00a1.log", "two\n")
    for process, texts in {"web": ["one"], "worker.0": ["two"]}.items():
        found = api.ask("GET", f"/environments/dev/logs?process={process}", Role.DEVELOPER).json()["lines"]
        assert [x["text"] for x in found] == texts
    told = api.ask("GET", "/environments/dev/logs?process=../../etc", Role.DEVELOPER).json()
    assert (told["code"], told["next"]) == ("log.unknown", "there is web.0, worker.0")


def test_lines_of_several_logs_come_in_the_order_they_were_written(api: Api) -> None:
    """Whichever file they lie in, and whichever file was written to last; so do those that come while one follows."""
    from tests.worlds import actor

    known: dict[str, int] = {}

    def says(name: str, text: str, at: float) -> None:
        path = said(api, name, text)
        known[name] = note(path, at, known.get(name, 0))

    web, worker, migrate = "dev.web.0.00a1.log", "dev.worker.0.00a1.log", "migrate-promotion-00a1.log"
    for at, name in enumerate([web, migrate, worker, web, worker, web]):
        says(name, f"line {at}\n", at)
    tail = logs.tail(api.app, actor(Role.DEVELOPER), "dev")
    assert [x.text for x in tail.last(10)] == [f"line {n}" for n in range(6)]
    for at, name in enumerate([worker, web, worker], start=6):
        says(name, f"line {at}\n", at)
    assert [x.text for x in tail.new()] == ["line 6", "line 7", "line 8"]
    found = api.ask("GET", "/environments/dev/logs?lines=4", Role.DEVELOPER).json()["lines"]
    assert [x["text"] for x in found] == ["line 5", "line 6", "line 7", "line 8"]


def test_logs_do_not_follow_links(api: Api, tmp_path: Path) -> None:
    """What lies in the directory and is no regular file is not ours to show."""
    (tmp_path / "elsewhere").write_text("hunter22\n")
    said(api, "dev.web.0.00a1.log", "mine\n").with_name("dev.web.1.00a1.log").symlink_to(tmp_path / "elsewhere")
    found = api.ask("GET", "/environments/dev/logs", Role.DEVELOPER).json()["lines"]
    assert [x["text"] for x in found] == ["mine"]


def test_a_tail_takes_whole_lines_once_also_over_a_rotation(api: Api) -> None:
    """Half a line waits for its end; a file that was copied away and emptied is read from its new start."""
    path = said(api, "dev.web.0.00a1.log", "one\ntw")
    from tests.worlds import actor

    tail = logs.tail(api.app, actor(Role.DEVELOPER), "dev")
    assert [x.text for x in tail.last(10)] == ["one"]
    said(api, path.name, "o\n")
    assert [x.text for x in tail.new()] == ["two"]
    path.write_text("x\n")
    assert [x.text for x in tail.new()] == ["x"]
    said(api, "dev.web.1.00a2.log", "new\n")
    assert [x.text for x in tail.new()] == ["new"]
    assert tail.new() == []


def test_what_was_just_rotated_away_is_still_among_the_last_lines(api: Api) -> None:
    """A log that was emptied a moment ago shows the end of what it was, before what came since."""
    from tests.worlds import actor

    path = said(api, "dev.web.0.00a1.log", "".join(f"line {n}\n" for n in range(100)))
    assert rotate(path, limit=100, keep=2)
    said(api, path.name, "line 100\n")
    said(api, "dev.worker.0.00a1.log", "of another\n")
    found = logs.tail(api.app, actor(Role.DEVELOPER), "dev", process="web")
    assert [x.text for x in found.last(5)] == [f"line {n}" for n in range(96, 101)]
    assert found.new() == []


def test_a_long_log_is_read_from_its_end(api: Api) -> None:
    """At most so many lines, at most so many bytes, and no half line at the front."""
    said(api, "dev.web.0.00a1.log", "".join(f"line {n}\n" for n in range(200_000)))
    found = api.ask("GET", "/environments/dev/logs?lines=3", Role.DEVELOPER).json()["lines"]
    assert [x["text"] for x in found] == ["line 199997", "line 199998", "line 199999"]
    assert all(
        x["text"].startswith("line ")
        for x in api.ask("GET", "/environments/dev/logs?lines=5000", Role.DEVELOPER).json()["lines"]
    )


def test_an_approval_is_of_what_was_seen(api: Api) -> None:
    """Another digest than the present one records nothing."""
    body = {"release": "2.0", "environment": "qa", "shown": "sha256:something"}
    answer = api.ask("POST", "/approvals", Role.MANAGER, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval.changed")
    seen = api.ask("GET", "/why?release=2.0&environment=qa", Role.MANAGER).json()["shown"]
    given = api.ask("POST", "/approvals", Role.MANAGER, json={**body, "shown": seen})
    assert given.status_code == 201
    assert api.ask("DELETE", f"/approvals/{given.json()['id']}", Role.CLIENT).status_code == 404
    assert api.ask("DELETE", f"/approvals/{given.json()['id']}", Role.MANAGER).status_code == 204


def test_a_schedule_has_time_and_zone(api: Api) -> None:
    """One without the other is refused; both make work that waits for that moment."""
    body = {"release": "1.0", "environment": "dev", "at": "2026-11-24T02:30"}
    assert api.ask("POST", "/promotions", Role.DEVELOPER, json=body).json()["code"] == "schedule.invalid"
    made = api.ask("POST", "/promotions", Role.DEVELOPER, json={**body, "timezone": "Europe/Berlin"})
    assert made.status_code == 202, made.text
    assert datetime.fromisoformat(made.json()["work"]["not_before"]) == datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def test_a_freeze_until_needs_an_offset(api: Api) -> None:
    """A naive time would mean another moment on another machine."""
    body = {"environment": "qa", "reason": "why", "until": "2026-11-24T02:30"}
    assert api.ask("POST", "/freezes", Role.MANAGER, json=body).json()["code"] == "freeze.until"
    assert (
        api.ask("POST", "/freezes", Role.MANAGER, json={**body, "until": "2026-11-24T02:30+01:00"}).status_code == 201
    )
    assert api.ask("DELETE", "/freezes?environment=qa", Role.MANAGER).json() == {"environment": "qa", "lifted": 1}


def test_the_ledger_is_exported_whole_and_proved(api: Api) -> None:
    """One object per line, in order; the last hash is the head that verify confirms."""
    entries = [json.loads(x) for x in api.ask("GET", "/ledger/export", Role.MANAGER).text.splitlines()]
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    told = api.ask("GET", f"/ledger/verify?head={entries[-1]['hash']}", Role.MANAGER).json()
    assert told["verified"] is True
    other = "sha256:" + "0" * 64
    assert api.ask("GET", f"/ledger/verify?head={other}", Role.MANAGER).json()["verified"] is False


@pytest.mark.parametrize("head", ["sha256:other", "5f0c", "sha256:" + "0" * 63, "SHA256:" + "0" * 64])
def test_what_is_no_hash_is_not_taken_for_a_cut_ledger(api: Api, head: str) -> None:
    """A slip in copying is the asker's, and the ledger is not blamed."""
    answer = api.ask("GET", f"/ledger/verify?head={head}", Role.MANAGER)
    assert (answer.status_code, answer.json()["code"]) == (400, "ledger.head_malformed")


def test_a_page_of_the_ledger_is_the_newest_and_says_of_how_many(api: Api) -> None:
    """In order; --before goes back from there, --after forward, and all pages together are the whole."""
    whole = [json.loads(x)["seq"] for x in api.ask("GET", "/ledger/export", Role.MANAGER).text.splitlines()]

    def page(query: str) -> list[int]:
        answer = api.ask("GET", f"/ledger?limit=4{query}", Role.MANAGER)
        assert answer.headers["X-Total-Count"] == str(len(whole))
        return [e["seq"] for e in answer.json()]

    assert len(whole) > 8
    assert page("") == whole[-4:]
    assert page(f"&before={whole[-4]}") == whole[-8:-4]
    assert page("&after=0") == whole[:4]
    assert page(f"&after={whole[3]}") == whole[4:8]
    assert page(f"&after=0&before={whole[2]}") == whole[:2]


def test_a_page_of_work_says_of_how_many_and_goes_back(api: Api) -> None:
    """Newest first; what follows after the last one shown is asked for by its name."""
    made = [added_work(api.world, WorkKind.CHECK, State.DONE, environment="qa", release=api.old).id for _ in range(5)]
    answer = api.ask("GET", "/work?environment=qa&limit=2", Role.TESTER)
    first = [w["id"] for w in answer.json()]
    rest = [w["id"] for w in api.ask("GET", f"/work?environment=qa&before={first[-1]}", Role.TESTER).json()]
    assert int(answer.headers["X-Total-Count"]) == len(first + rest) >= len(made)
    assert len(set(first + rest)) == len(first + rest)
    assert set(made) <= set(first + rest)
    assert api.ask("GET", "/work?before=work-nobody-knows", Role.TESTER).json()["code"] == "work.unknown"


def test_a_policy_is_tried_before_it_is_applied(api: Api) -> None:
    """A dry run says what would change and changes nothing."""
    body = {"text": SMALL, "repository": "/r"}
    told = api.ask("POST", "/policy", Role.ADMINISTRATOR, json={**body, "dry_run": True}).json()
    assert told["changed"] is False
    assert "qa: removed from the path" in told["differences"]
    assert api.ask("POST", "/policy", Role.ADMINISTRATOR, json=body).json()["code"] == "policy.in_use"
    wrong = api.ask("POST", "/policy", Role.ADMINISTRATOR, json={**body, "text": "projct: x"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "config.invalid")


def test_metrics_are_what_prometheus_reads(api: Api) -> None:
    """The release in each environment, with its version."""
    answer = api.ask("GET", "/metrics", Role.AUTOMATION)
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'greenroom_environment_release{digest="' in answer.text
    assert 'greenroom_environment_frozen{environment="dev"} 0.0' in answer.text
    assert "greenroom_edge_up 1.0" in answer.text


def test_metrics_count_what_happened(api: Api) -> None:
    """Ended work, noes of gates, durations of steps and lines of the log, since the control plane started."""
    tally = api.app.tally
    tally.ended("promotion", "qa", "rolled_back")
    tally.refused("soak", "staging")
    tally.logged("warning", "store.unavailable")
    for seconds in (0.05, 4.0, 5000.0):
        tally.step("promotion", {"step": "migrate", "direction": "forward", "outcome": "done", "seconds": seconds})
    text = api.ask("GET", "/metrics", Role.AUTOMATION).text
    step = 'greenroom_step_seconds_bucket{{direction="forward",kind="promotion",le="{}",outcome="done",'
    migrate = step + 'step="migrate"}} {}'
    for line in (
        'greenroom_work_ended_total{environment="qa",kind="promotion",state="rolled_back"} 1.0',
        'greenroom_gate_refusals_total{environment="staging",gate="soak"} 1.0',
        'greenroom_log_lines_total{event="store.unavailable",level="warning"} 1.0',
        migrate.format("0.1", "1.0"),
        migrate.format("5.0", "2.0"),
        migrate.format("+Inf", "3.0"),
        'greenroom_step_seconds_sum{direction="forward",kind="promotion",outcome="done",step="migrate"} 5004.05',
        'greenroom_part_up{part="edge"} 1.0',
    ):
        assert line in text.splitlines(), line


def test_metrics_of_the_edge_are_by_environment(api: Api) -> None:
    """Requests by status; an edge that is down is said and takes nothing else along."""
    edge, now = api.app.world.edge, api.app.world.clock.now()
    for status in (200, 200, 502):
        edge.record("qa", "sha256:1", status, 0.1, now)
    text = api.ask("GET", "/metrics", Role.AUTOMATION).text
    assert 'greenroom_edge_requests_total{environment="qa",status="200"} 2.0' in text
    assert 'greenroom_edge_requests_total{environment="qa",status="502"} 1.0' in text
    assert 'greenroom_environment_held{environment="qa"} 0.0' in text
    edge.point("qa", Pointer(None, "sha256:1", 1))
    edge.is_alive = False
    text = api.ask("GET", "/metrics", Role.AUTOMATION).text
    assert 'greenroom_part_up{part="edge"} 0.0' in text
    assert "greenroom_edge_requests_total{" not in text
    assert 'greenroom_environment_held{environment="qa"} 1.0' in text


def test_me_says_what_i_may(api: Api) -> None:
    """Each action with the kinds where it is allowed."""
    me = api.ask("GET", "/accounts/me", Role.OPERATOR).json()
    assert (me["name"], me["roles"]) == ("operator", ["operator"])
    assert me["may"]["roll_back"] == ["staging", "production"]
    assert "promote" not in me["may"]
