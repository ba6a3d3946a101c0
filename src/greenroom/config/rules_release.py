"""What must hold between the settings of a release: processes, migration, variables, checks, services."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.config.draft import Draft
from greenroom.config.problems import NOT_SHOWN, Finding, nearest
from greenroom.config.schema import Setting
from greenroom.config.to_domain import listens
from greenroom.domain.kinds import DEFAULTS
from greenroom.domain.release import MigrationStyle

GIVEN = frozenset({"PORT", "HOME", "PATH", "TMPDIR"})
"""Variables Greenroom itself gives every process, beside `DATABASE_URL` and all that start with `GREENROOM_`."""

_NEEDS_COMMAND = (MigrationStyle.COMMAND, MigrationStyle.AT_START_UNLESS)


def something_listens(draft: Draft) -> Iterator[Finding]:
    """A release nobody can reach is a mistake."""
    if not draft.whole("processes") or any(listens(n, p) for n, p in draft.file.processes.items()):
        return
    more = "say `listen: socket` or `listen: port` for the one that takes requests"
    yield Finding(("processes",), "processes of which at least one listens", more=more)


def one_of_what_listens(draft: Draft) -> Iterator[Finding]:
    """Two of them would claim one socket; the server inside starts as many workers as it likes."""
    for name, process in draft.file.processes.items():
        if process.count > 1 and listens(name, process):
            more = "it listens; let its server start several workers"
            yield Finding(("processes", name, "count"), "1", process.count, more=more)


def front_door_is_inside(draft: Draft) -> Iterator[Finding]:
    """Without what takes requests there is no environment."""
    for name, process in draft.file.processes.items():
        if process.outside and listens(name, process):
            more = "it takes requests, and without it nothing answers; move what reaches outside into another process"
            yield Finding(("processes", name, "outside"), "false", True, more=more)


def migration_fits_style(draft: Draft) -> Iterator[Finding]:
    """Each style has the settings it needs, and no others."""
    m, at = draft.file.migration, ("migration",)
    if m is None:
        return
    style = m.style.value
    if m.style in _NEEDS_COMMAND and m.command is None:
        yield Finding((*at, "command"), f"is required: the style {style} migrates by it")
    if m.style not in _NEEDS_COMMAND and m.command is not None:
        yield Finding((*at, "command"), f"absent: the style {style} runs none", " ".join(m.command), at_key=True)
    if m.style is MigrationStyle.AT_START_UNLESS and not m.switch_off:
        yield Finding((*at, "switch_off"), "is required: the variables that keep the start from migrating")
    if m.style is not MigrationStyle.AT_START_UNLESS and m.switch_off:
        yield Finding((*at, "switch_off"), f"absent: it belongs to at-start-unless, not to {style}", at_key=True)
    if m.style is MigrationStyle.NONE and m.down is not None:
        yield Finding((*at, "down"), "absent: without a schema nothing goes down", at_key=True)


def services_fit(draft: Draft) -> Iterator[Finding]:
    services = draft.file.services
    if services and services.postgres == "none" and services.extensions:
        yield Finding(("services", "extensions"), "absent: there is no database (`postgres: none`)", at_key=True)


def variables_make_sense(draft: Draft) -> Iterator[Finding]:
    """No secret stands in a file; what Greenroom gives is not declared; a default makes `required` idle."""
    services = draft.file.services
    given = GIVEN if services and services.postgres == "none" else GIVEN | {"DATABASE_URL"}
    for name, setting in (draft.file.config or {}).items():
        at = ("config", name)
        if name in given or name.startswith("GREENROOM_"):
            yield Finding(at, "is given by Greenroom: take it out", at_key=True)
        yield from _setting(at, setting or Setting())


def _setting(at: tuple[str, str], setting: Setting) -> Iterator[Finding]:
    if setting.secret and setting.default is not None:
        more = "set it with `greenroom secret set`, or say `generate: true`"
        yield Finding((*at, "default"), "absent: a secret never stands in a file", NOT_SHOWN, at_key=True, more=more)
    if setting.generate and not setting.secret:
        yield Finding((*at, "generate"), "with `secret: true`: what Greenroom makes up is a secret", at_key=True)
    if setting.caught is not None and setting.secret:
        more = "set it with `greenroom secret set` for each environment"
        yield Finding((*at, "caught"), "absent: a secret never stands in a file", NOT_SHOWN, at_key=True, more=more)
    if setting.caught is not None and not setting.outside:
        yield Finding((*at, "caught"), "with `outside: true`: it is the value that leads nowhere", at_key=True)
    if setting.outside and setting.mail is not None:
        yield Finding((*at, "outside"), "absent: mail is caught by itself", at_key=True)
    if setting.required and setting.default is not None and not setting.secret:
        yield Finding((*at, "required"), "absent: with a default it never lacks a value", at_key=True)


def checks_run_somewhere(draft: Draft) -> Iterator[Finding]:
    """A check names environments of the path, each once, where something runs."""
    names, kinds = draft.environment_names, draft.kinds()
    able = [n for n in names if n not in kinds or DEFAULTS[kinds[n]].runs]
    for check, settings in (draft.file.checks or {}).items():
        for n, name in enumerate(settings.in_ or []):
            at = ("checks", check, "in", n)
            if name not in names:
                yield Finding(
                    at, f"one of {', '.join(able)}" if able else "an environment", name, more=nearest(name, names)
                )
            elif name not in able:
                yield Finding(at, f"one of {', '.join(able)}", name, more=f"nothing runs in {name}")
            elif name in (settings.in_ or [])[:n]:
                yield Finding(at, "named once", name)


RULES = (
    something_listens,
    one_of_what_listens,
    front_door_is_inside,
    migration_fits_style,
    services_fit,
    variables_make_sense,
    checks_run_somewhere,
)
