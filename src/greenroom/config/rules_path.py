"""What must hold between the environments of a path, and between an environment and its kind."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.config.draft import Draft
from greenroom.config.problems import NOT_SHOWN, Finding, nearest, unknown_key
from greenroom.config.schema import Api, Edge, Environment
from greenroom.config.to_domain import ports_of
from greenroom.domain.clone import PREFIX
from greenroom.domain.kinds import DEFAULTS, DataLabel, ErrorDetail, Kind
from greenroom.domain.names import VAULT

_KINDS = ", ".join(k.value for k in Kind)
_IDLE_WHERE_NOTHING_RUNS = (
    "follow",
    "port",
    "preview_port",
    "hosts",
    "errors",
    "bake",
    "canary",
    "drain",
    "restore_points",
    "config",
    "egress",
    "outside",
)


def there_is_a_path(draft: Draft) -> Iterator[Finding]:
    if not draft.environment_names and draft.whole("environments", "template"):
        more = "`template: small` is dev, staging, production"
        yield Finding(("environments",), "is required, or a template", more=more)


def template_has_it(draft: Draft) -> Iterator[Finding]:
    """With a template, entries adjust its environments; they add none and change no kind."""
    if not draft.file.template:
        return
    names = draft.environment_names
    for name, one in (draft.file.environments or {}).items():
        if name not in names:
            more = nearest(name, names) or "to have others, leave the template out and spell out the path"
            expected = f"one of {', '.join(names)}: the template {draft.file.template} has these"
            yield Finding(("environments", name), expected, name, at_key=True, more=more)
        elif one and one.kind and one.kind.value != name:
            expected = f"{name}: the template {draft.file.template} says so"
            yield Finding(("environments", name, "kind"), expected, one.kind.value)


def every_kind_is_known(draft: Draft) -> Iterator[Finding]:
    kinds = draft.kinds()
    for name, _ in draft.path():
        if name not in kinds:
            more = nearest(name, [k.value for k in Kind])
            yield Finding(("environments", name, "kind"), f"is required (one of {_KINDS}): the name is none", more=more)


def names_are_free(draft: Draft) -> Iterator[Finding]:
    """What Greenroom itself calls so is no environment: the vault, and clones."""
    for name in draft.environment_names:
        if name == VAULT or name.startswith(PREFIX):
            said = f"another name: `{VAULT}` and what begins with `{PREFIX}` is taken by Greenroom"
            yield Finding(("environments", name), said, name, at_key=True)


def order_of_kinds(draft: Draft) -> Iterator[Finding]:
    """The path follows the order of the kinds; several of one kind may stand one after the other."""
    before: tuple[str, Kind] | None = None
    for name, kind in draft.kinds().items():
        if before and kind.position < before[1].position:
            said = f"before {before[0]}: the order of the kinds is {_KINDS}"
            yield Finding(("environments", name), said, NOT_SHOWN, at_key=True)
        else:
            before = (name, kind)


def kind_allows(draft: Draft) -> Iterator[Finding]:
    """A default may be tightened; it may be loosened only where the kind's row says so."""
    kinds = draft.kinds()
    for name, one in draft.path():
        if name not in kinds:
            continue
        kind, at = kinds[name], ("environments", name)
        yield from _not_loosened(kind, one, at)
        if one.follow and kind is not Kind.DEV:
            yield Finding((*at, "follow"), "absent: only dev follows a branch", one.follow, at_key=True)
        if not DEFAULTS[kind].runs:
            for key in sorted(one.model_fields_set & set(_IDLE_WHERE_NOTHING_RUNS)):
                yield Finding((*at, key), f"absent: nothing runs in {kind.value}", at_key=True)


def _not_loosened(kind: Kind, one: Environment, at: tuple[str, str]) -> Iterator[Finding]:
    default = DEFAULTS[kind]
    if one.errors and ErrorDetail[one.errors.upper()] > default.errors and "errors" not in default.loosen:
        allowed = [d.name.lower() for d in ErrorDetail if d <= default.errors]
        more = f"in {kind.value} it may be tightened, not loosened"
        yield Finding((*at, "errors"), " or ".join(allowed), one.errors, more=more)
    if one.clearance:
        # What a kind may loosen, it may loosen up to a copy: live data is production's alone.
        most = max(default.clearance, DataLabel.COPY) if "clearance" in default.loosen else default.clearance
        if DataLabel[one.clearance.upper()] > most:
            allowed = [d.name.lower() for d in DataLabel if d <= most]
            more = f"in {kind.value} it may be tightened, not loosened"
            yield Finding((*at, "clearance"), " or ".join(allowed), one.clearance, more=more)


def egress_fits(draft: Draft) -> Iterator[Finding]:
    """Where a copy of production's data may be, everybody on the network is somebody it could reach."""
    kinds = draft.kinds()
    for name, one in draft.path():
        if name not in kinds or one.egress is None or one.egress.allow != ["any"]:
            continue
        kind = kinds[name]
        clearance = DataLabel[one.clearance.upper()] if one.clearance else DEFAULTS[kind].clearance
        if DEFAULTS[kind].side_effects_caught and clearance >= DataLabel.COPY:
            more = f"{name} may hold a copy of production's data, which must reach nobody"
            yield Finding(("environments", name, "egress", "allow"), "a list of destinations", "any", more=more)


def outside_is_named(draft: Draft) -> Iterator[Finding]:
    """An environment names processes that are `outside`."""
    known = {name for name, p in draft.file.processes.items() if p.outside}
    if not draft.whole("processes"):
        return
    for name, one in draft.path():
        for n, process in enumerate(one.outside):
            if process not in known:
                expected = f"one of {', '.join(sorted(known))}" if known else "absent: no process is `outside`"
                at = ("environments", name, "outside", n)
                yield Finding(at, expected, process, more=nearest(process, sorted(known)))


def production_stays_alone(draft: Draft) -> Iterator[Finding]:
    """What leads outside from production is written for no environment whose side effects are caught."""
    kinds = draft.kinds()
    live = {n: e for n, e in draft.path() if n in kinds and not DEFAULTS[kinds[n]].side_effects_caught}
    for variable, setting in (draft.file.config or {}).items():
        if setting is None or not setting.outside or setting.secret:
            continue
        real = {e.config.get(variable, setting.default) for e in live.values()} - {None, ""}
        more = "it leads outside: give it a harmless value, or none"
        if setting.caught in real:
            yield Finding(("config", variable, "caught"), "another value than production's", NOT_SHOWN, more=more)
        for name, one in draft.path():
            if name in kinds and name not in live and one.config.get(variable) in real:
                at = ("environments", name, "config", variable)
                yield Finding(at, "another value than production's", NOT_SHOWN, more=more)


def ports_are_apart(draft: Draft) -> Iterator[Finding]:
    """Nothing claims a port twice: edge, control plane, environments, previews."""
    edge, kinds = draft.file.edge or Edge(), draft.kinds()
    taken = {edge.port: "the edge"}
    api = (draft.file.api or Api()).port
    if api in taken and draft.whole("edge", "api"):
        yield Finding(("api", "port"), "a port that is free", api, more="the edge has it")
    taken[api] = "the control plane"
    names = draft.environment_names
    for name, one in draft.path():
        rank = names.index(name)
        runs = name in kinds and DEFAULTS[kinds[name]].runs
        for key, port in zip(("port", "preview_port"), ports_of(edge, rank, runs, one), strict=True):
            if port is None:
                continue
            if port in taken and draft.whole("edge", "api"):
                yield Finding(("environments", name, key), "a port that is free", port, more=f"{taken[port]} has it")
            taken.setdefault(port, f"{name}/{key}")


def hosts_are_apart(draft: Draft) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for name, one in draft.path():
        for n, host in enumerate(one.hosts):
            if host in taken:
                yield Finding(
                    ("environments", name, "hosts", n), "a host of one place", host, more=f"{taken[host]} has it"
                )
            taken.setdefault(host, name)


def values_are_declared(draft: Draft) -> Iterator[Finding]:
    """An environment sets variables that are declared, and no secrets."""
    declared = draft.file.config or {}
    written = draft.raw.get("config")
    known = list(written) if isinstance(written, dict) else []
    for name, one in draft.path():
        for variable in one.config:
            at, setting = ("environments", name, "config", variable), declared.get(variable)
            if variable not in known:
                yield (
                    unknown_key(at, known)
                    if known
                    else Finding(at, "declared under `config` first", variable, at_key=True)
                )
            elif setting and setting.secret:
                more = f"set it with `greenroom secret set {name} {variable}`"
                yield Finding(at, "absent: a secret never stands in a file", NOT_SHOWN, at_key=True, more=more)


def canary_ascends(draft: Draft) -> Iterator[Finding]:
    for name, one in draft.path():
        shares = one.canary.shares if one.canary else []
        for n, share in enumerate(shares):
            at = ("environments", name, "canary", "shares", n)
            if not 0 < share < 1:
                yield Finding(at, "more than 0% and less than 100%", f"{share * 100:g}%")
            elif n and share <= shares[n - 1]:
                yield Finding(at, f"more than the share before ({shares[n - 1] * 100:g}%)", f"{share * 100:g}%")


RULES = (
    there_is_a_path,
    template_has_it,
    every_kind_is_known,
    names_are_free,
    order_of_kinds,
    kind_allows,
    egress_fits,
    outside_is_named,
    production_stays_alone,
    ports_are_apart,
    hosts_are_apart,
    values_are_declared,
    canary_ascends,
)
