"""Random cases: any mixture of facts that can be on the table, few enough names that they meet often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from greenroom.domain.evidence import Approval, Evidence, Freeze, Outcome, Override
from greenroom.domain.gate import Case, EnvironmentView, Gate, GateConfig, Request
from greenroom.domain.kinds import TEMPLATES, Kind
from greenroom.domain.roles import Role
from greenroom.registry import all_gates

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MAIN, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PEOPLE = ("dan", "rita", "mia", "cleo", "tess", "greenroom", "")
CHECKS = ("journey", "smoke")

instants = st.one_of(
    st.sampled_from([NOW + timedelta(days=d) for d in (-20, -8, -1, 0, 1, 8)]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
)
releases = st.sampled_from([MAIN, MAIN, MAIN, OTHER])
people = st.sampled_from(PEOPLE)
names = st.sampled_from(list(Kind))
maybe_instants = st.none() | instants


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    environment = draw(st.none() | names.map(str))
    kind = draw(st.sampled_from(["seal", "check", "check", "promotion"]))
    name = draw(st.sampled_from(CHECKS)) if kind == "check" else (environment or "seal")
    return Evidence(
        draw(st.sampled_from("abcdef")), kind, name, draw(releases), environment, draw(st.sampled_from(Outcome)),
        draw(instants), draw(people), revoked_at=draw(maybe_instants), revoked_why=draw(st.sampled_from(["", "why"])),
    )  # fmt: skip


approvals = st.builds(
    Approval,
    st.sampled_from("abcdef"),
    releases,
    names.map(str),
    people,
    st.frozensets(st.sampled_from([*(r.value for r in Role), "nobody"]), max_size=3),
    st.sampled_from(["now", "now", "before", ""]),
    instants,
    revoked_at=maybe_instants,
)
freezes = st.builds(
    Freeze, st.text("ab", min_size=4, max_size=8), names.map(str), people, st.just("why"), instants,
    until=maybe_instants, lifted_at=st.none() | instants,
)  # fmt: skip
overrides = st.builds(
    Override, st.sampled_from("abcdef"), st.sampled_from(list(all_gates())), releases, names.map(str), people,
    st.sampled_from(["manager", "operator", "", "nobody"]), st.sampled_from(["why", " "]), instants, instants,
)  # fmt: skip

EVERYBODY = {p: frozenset(r.value for r in Role) for p in (*PEOPLE, "ann")}
accounts = st.dictionaries(people, st.frozensets(st.sampled_from([r.value for r in Role]), max_size=3), max_size=6)


@st.composite
def cases(draw: st.DrawFn, action: str | None = None) -> Case:
    kinds = draw(st.sampled_from(list(TEMPLATES.values())))
    path = tuple(
        EnvironmentView(
            k.value,
            k,
            current=draw(st.none() | releases),
            since=draw(maybe_instants),
            check_names=draw(st.sampled_from([(), CHECKS[:1], CHECKS])),
        )
        for k in kinds
    )
    request = Request(
        action or draw(st.sampled_from(["promotion", "promotion", "rollback"])),
        MAIN,
        draw(st.sampled_from(kinds)).value,
        draw(people),
        draw(people),
        work=draw(st.none() | st.just("promotion-1")),
        not_before=draw(maybe_instants),
    )
    return Case(
        request,
        path,
        draw(st.just(NOW) | instants),
        tuple(draw(st.lists(evidence(), max_size=8))),
        tuple(draw(st.lists(approvals, max_size=5))),
        tuple(draw(st.lists(freezes, max_size=3))),
        tuple(draw(st.lists(overrides, max_size=3))),
        draw(st.just(EVERYBODY) | accounts),
        draw(st.none() | st.sampled_from(["promotion-1", "promotion-2"])),
        draw(st.sampled_from(["now", "now", ""])),
    )


SETTINGS: dict[str, list[dict[str, object]]] = {
    "approvals": [
        {},
        {"count": 2, "roles": ["manager", "client", "tester"]},
        {"groups": [{"roles": ["client", "manager"]}, {"count": 2, "roles": ["manager", "engineer"]}], "max_age": "7d"},
    ],
    "checks": [{}, {"require": ["journey@dev"]}, {"none_needed": "nothing to test here"}, {"max_age": "9d"}],
    "soak": [{"for": "1s"}, {"for": "3650d"}, {"for": "2d", "in": "dev"}, {"for": "2d", "in": "nowhere"}],
    "window": [
        {},
        {"open": ["Mon-Thu 09:00-16:00"], "timezone": "Europe/Berlin", "holidays": "DE-BY"},
        {
            "open": ["22:00-02:00", "Sat 00:00-24:00"],
            "timezone": "America/St_Johns",
            "closed": ["2026-11-20..2027-03-01"],
        },
        {"open": ["Wed 02:10-02:50"], "timezone": "Pacific/Apia", "closed": ["2000-01-01..2099-12-31"]},
    ],
}


@st.composite
def configured(draw: st.DrawFn, name: str) -> tuple[Gate, GateConfig]:
    gate = all_gates()[name]
    return gate, gate.Config.model_validate(draw(st.sampled_from(SETTINGS.get(name, [{}]))))


all_configured = st.tuples(*(configured(name) for name in all_gates()))
