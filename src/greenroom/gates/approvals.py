"""People say yes, to exactly what they were shown, and never to their own work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from greenroom.config.durations import Timeout
from greenroom.domain.evidence import Approval
from greenroom.domain.gate import Case, GateConfig, Passed, Refused, Verdict, Waiting
from greenroom.domain.kinds import Kind
from greenroom.domain.names import short
from greenroom.domain.roles import SYSTEM, Action, Role, may
from greenroom.gates._words import listed, sentences, span

CLOCK_SLACK = timedelta(minutes=1)


def _who_can_approve(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    never = [r.value for r in roles if not may([r], Action.APPROVE)]
    if never:
        raise ValueError(f"should be roles that may approve, which {listed(never)} may not")
    return tuple(dict.fromkeys(roles))


Count = Annotated[int, Field(ge=1, le=20, strict=True)]
Roles = Annotated[tuple[Role, ...], Field(min_length=1), AfterValidator(_who_can_approve)]


class Group(GateConfig):
    """Some people of some roles."""

    count: Count = Field(1, description="How many different people.")
    roles: Roles = Field(description="The roles of which each of them holds one.")

    def __str__(self) -> str:
        return f"{self.count} of {listed((r.value for r in self.roles), 'or')}"


class Settings(GateConfig):
    """How many people, of which roles. Nobody counts twice, in whatever groups they would fit."""

    count: Count = Field(1, description="How many different people approve.")
    roles: Roles = Field((Role.MANAGER, Role.CLIENT), description="The roles of which each of them holds one.")
    groups: tuple[Group, ...] = Field(
        (),
        max_length=10,
        description="Several such groups, all of which must be complete, instead of one `count` and `roles`:"
        " `[{count: 1, roles: [client]}, {count: 1, roles: [manager]}]`.",
    )
    max_age: Timeout | None = Field(None, description="How old an approval may be; by default it does not age.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.groups and {"count", "roles"} & self.model_fields_set:
            raise ValueError("should be either groups, or count and roles")
        return self

    @property
    def wanted(self) -> tuple[Group, ...]:
        return self.groups or (Group(count=self.count, roles=self.roles),)


class ApprovalsGate:
    """Enough different people approved what is shown now, none of whom made the release or asked for the promotion.

    An approval is bound to the digest of what its giver saw: release, plan, configuration, evidence. If any of it
    changes the approval lapses, and the checklist says whose. It counts in the roles that its giver had then and has
    still; with the account it ends.
    """

    name = "approvals"
    title = "Approved"
    Config: type[GateConfig] = Settings
    for_rollback = False
    overridable = True
    codes: Mapping[str, str] = {
        "gate.approvals_nobody_may": "none of the roles asked for may approve in an environment of this kind",
    }

    def default(self, kind: Kind) -> Settings | None:
        return Settings() if kind is Kind.PRODUCTION else None

    def judge(self, config: Settings, case: Case) -> Verdict:
        impossible = [g for g in config.wanted if not _able(g.roles, case)]
        if impossible:
            return Refused(
                f"{impossible[0]} should approve, but may not in {case.target.name} ({case.target.kind.value})",
                f"an administrator names other roles in gates.approvals of {case.target.name}",
                "gate.approvals_nobody_may",
            )
        people, fallen = _sorted_out(config, case)
        seats = [(n, g) for n, g in enumerate(config.wanted) for _ in range(g.count)]
        seated = seat(people, [_able(g.roles, case) for _, g in seats])
        given = [f"{p} ({'/'.join(sorted(people[p]))})" for p in sorted(seated.values())]
        if len(seated) == len(seats):
            return Passed(f"approved by {listed(given)}")
        missing = [n for at, (n, _) in enumerate(seats) if at not in seated]
        open_groups = [
            g.model_copy(update={"count": missing.count(n)}) for n, g in enumerate(config.wanted) if n in missing
        ]
        said = [f"{len(given)} of {len(seats)} approvals", *([f"approved by {listed(given)}"] if given else [])]
        return Waiting(
            sentences([*said, f"missing {listed(map(str, open_groups))}"]) + "".join(f"; {f}" for f in fallen),
            f"{_whom(open_groups)}, {_others(case)}runs:"
            f" greenroom approve {short(case.request.release)} {case.target.name}",
        )


def seat(people: Mapping[str, frozenset[str]], seats: Sequence[frozenset[str]]) -> dict[int, str]:
    """As many seats as possible, each taken by another person who holds one of its roles (Kuhn's matching).

    Seats and people are tried in order, so equal input gives an equal answer; one more person never empties a seat.
    """
    taken: dict[int, str] = {}

    def find(person: str, tried: set[int]) -> bool:
        for at, roles in enumerate(seats):
            if at in tried or not roles & people[person]:
                continue
            tried.add(at)
            if at not in taken or find(taken[at], tried):
                taken[at] = person
                return True
        return False

    for person in sorted(people):
        find(person, set())
    return dict(sorted(taken.items()))


def _able(roles: Sequence[Role], case: Case) -> frozenset[str]:
    return frozenset(r.value for r in roles if may([r], Action.APPROVE, case.target.kind))


def _others(case: Case) -> str:
    """Whose yes would not count; nobody asked yet when the checklist is only looked at."""
    own = sorted({case.request.made_by, case.request.requested_by} - {""})
    return f"other than {listed(own, 'or')}, " if own else ""


def _sorted_out(config: Settings, case: Case) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Who approves now, with the roles that count; and in words, whose approval counts no longer, or never did."""
    wanted = frozenset[str]().union(*(_able(g.roles, case) for g in config.wanted))
    people: dict[str, frozenset[str]] = {}
    flaws: dict[str, str] = {}
    for approval in sorted(case.approvals, key=lambda a: (a.at, a.id)):
        if (approval.release, approval.environment) != (case.request.release, case.request.environment):
            continue
        flaw = _flaw(approval, config, case, wanted)
        if flaw is None:
            counts = approval.roles & case.accounts[approval.by] & wanted
            people[approval.by] = people.get(approval.by, frozenset()) | counts
        else:
            flaws[approval.by] = flaw
    return people, [text for by, text in sorted(flaws.items()) if by not in people]


def _flaw(approval: Approval, config: Settings, case: Case, wanted: frozenset[str]) -> str | None:
    whose, age = f"the approval of {approval.by}", case.now - approval.at
    limit = None if config.max_age is None else timedelta(seconds=config.max_age)
    if approval.revoked_at is not None:
        return f"{whose} was revoked on {approval.revoked_at:%Y-%m-%d}"
    if approval.by == case.request.made_by:
        return f"{whose} does not count: {approval.by} made the release"
    if approval.by == case.request.requested_by:
        return f"{whose} does not count: {approval.by} asked for the promotion"
    if approval.by == SYSTEM.name or not approval.roles & wanted:
        return f"{whose} does not count: {approval.by} has none of the roles asked for"
    if approval.by not in case.accounts:
        return f"{whose} no longer counts: the account {approval.by} is disabled"
    if not approval.roles & wanted & case.accounts[approval.by]:
        lost = listed(sorted(approval.roles & wanted), "or")
        return f"{whose} no longer counts: {approval.by} is no longer {lost}"
    if not case.shown or approval.shown != case.shown:
        return f"{whose} of {approval.at:%Y-%m-%d} lapsed: what was shown has changed since"
    if age < -CLOCK_SLACK:
        return f"{whose} does not count: it is dated in the future, {approval.at.isoformat()}"
    if limit is not None and age > limit:
        return f"{whose} is {span(age)} old, limit {span(limit)}"
    return None


def _whom(groups: Sequence[Group]) -> str:
    return listed(
        f"{g.count} who {'is' if g.count == 1 else 'are'} {listed((r.value for r in g.roles), 'or')}" for g in groups
    )


GATE = ApprovalsGate()
