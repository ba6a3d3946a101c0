"""Write a first `greenroom.yaml` from what was found in a repository, with comments that explain it.

Whatever was found, the text loads without errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from greenroom.config.detection.found import Command, Found, FoundVariable
from greenroom.config.detection.variables import is_made_up, is_secret
from greenroom.config.schema import ProjectFile
from greenroom.domain.kinds import DEFAULTS, TEMPLATES, Kind
from greenroom.domain.release import Language, Listen

_PLAIN = re.compile(r"[A-Za-z/$][A-Za-z0-9_/.@$+-]*(?: [A-Za-z0-9_/.@$+=-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def render(found: Found, template: str) -> str:
    """The text of `greenroom.yaml` for the path `template`: small, standard or full."""
    kinds = TEMPLATES[template]
    sections = (
        _project(found, template),
        _release(found),
        _processes(found),
        _migration(found),
        _health(found),
        _services(found),
        _config(found),
        _checks(found, kinds),
        _environments(found, kinds),
    )
    return "\n".join("\n".join(section) + "\n" for section in sections)


def quoted(text: str) -> str:
    """A text as YAML reads it back, in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else in_quotes(text)


def in_quotes(text: str) -> str:
    """A double-quoted scalar (YAML 1.2, 5.7 and 7.3.1): what does not print is escaped."""
    escaped = ("\\" + c if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(escaped)}"'


def _about(key: str) -> str:
    """The first sentence of what the schema says of a top-level key, as a comment."""
    said = ProjectFile.model_fields[key].description or ""
    return f"# {said.split('. ')[0].rstrip('.:')}."


def _comment(text: str) -> str:
    """Text of the repository in a comment: one line, printable."""
    return "# " + "".join(c if c.isprintable() and c.isascii() else " " for c in text)[:140]


def _command(command: Command) -> str:
    if isinstance(command, list):
        return f"[{', '.join(map(in_quotes, command))}]"
    return quoted(command)


def _project(found: Found, template: str) -> Iterator[str]:
    yield "# How this application is built, run, tested and brought to production."
    yield "# Written by `greenroom init`; it is yours now."
    for reason in found.reasons[:20]:
        yield _comment(reason)
    if found.advice:
        yield "#"
        yield "# Please look at this:"
        for advice in found.advice[:20]:
            yield _comment(f"  - {advice}")
    yield ""
    yield f"project: {quoted(found.project)}"
    path = ", ".join(k.value for k in TEMPLATES[template])
    yield f"template: {template}   # the path of a release: {path}"


def _release(found: Found) -> Iterator[str]:
    yield _about("release")
    yield "release:"
    yield f"  language: {found.language.value}"
    if found.runtime:
        yield f"  runtime: {in_quotes(found.runtime)}"
    yield "  # version: {file: VERSION}   # when absent, git describe or the short commit"
    if found.lock:
        yield f"  lock: {quoted(found.lock)}"
    elif found.language is not Language.NONE:
        yield "  # lock:   # the lock file; without one a release with dependencies is refused"
    if found.build:
        yield "  build:   # run in order, without a network"
        for command in found.build:
            yield f"    - {_command(command)}"
    if found.executables:
        yield f"  executables: [{', '.join(quoted(e) for e in sorted(found.executables))}]"


def _processes(found: Found) -> Iterator[str]:
    yield _about("processes")
    yield "processes:"
    if not any(p.listen for p in found.processes.values()):
        yield "  # Nothing in the repository says how the application starts: put its command here."
        yield "  web:"
        yield "    command: ./start"
        yield "    listen: port   # port: it binds 127.0.0.1:$PORT; socket: it binds the unix socket $GREENROOM_SOCKET"
    for name, process in found.processes.items():
        if name == "web" and process.listen is None:
            continue  # replaced above: a web process that takes no requests is none
        yield f"  {quoted(name)}:"
        yield f"    command: {_command(process.command)}"
        yield f"    listen: {process.listen.value if process.listen else 'none'}{_binds(process.listen)}"


def _binds(listen: Listen | None) -> str:
    said = {Listen.PORT: "it binds 127.0.0.1:$PORT", Listen.SOCKET: "it binds the unix socket $GREENROOM_SOCKET"}
    return f"   # {said[listen]}" if listen else ""


def _migration(found: Found) -> Iterator[str]:
    yield _about("migration")
    yield "migration:"
    if found.migration is None:
        yield "  style: none   # or command, at-start, at-start-unless"
        return
    yield f"  style: {found.migration.style.value}"
    yield f"  command: {_command(found.migration.command)}"
    if found.migration.down:
        yield f"  # down: {_command(found.migration.down)}   # takes back one batch; only if that is what it does"
    yield "  # contracts: true   # when the older release cannot live on the new schema"


def _health(found: Found) -> Iterator[str]:
    yield _about("health")
    yield "health:"
    yield f"  path: {quoted(found.health_path)}"
    yield "  boot: 2m   # how long it may take to start"


def _services(found: Found) -> Iterator[str]:
    yield _about("services")
    yield "services:"
    yield f"  postgres: {'18' if found.postgres else 'none'}"


def _config(found: Found) -> Iterator[str]:
    yield _about("config") + " What it reads and does not stand here is refused at the seal."
    if not found.variables:
        yield "# config:"
        yield "#   SMTP_HOST: {default: localhost, about: where mail is handed in}"
        yield "#   API_TOKEN: {secret: true, required: true}   # set with `greenroom secret set`"
        return
    yield "config:"
    for name in sorted(found.variables):
        variable = found.variables[name]
        yield f"  {quoted(name)}: {_setting(variable)}   {_comment('read in ' + variable.where)}"


def _setting(variable: FoundVariable) -> str:
    if is_secret(variable.name):
        if is_made_up(variable.name):
            return "{secret: true, generate: true}"
        return "{secret: true, required: true}" if variable.required else "{secret: true}"
    if variable.default is not None:
        return f"{{default: {in_quotes(variable.default)}}}"
    return "{required: true}" if variable.required else "{}"


def _checks(found: Found, kinds: tuple[Kind, ...]) -> Iterator[str]:
    running = [k for k in kinds if DEFAULTS[k].runs]
    tested = next(k for k in running if k is not Kind.DEV)
    yield _about("checks")
    yield "# Nothing enters staging or production untested."
    yield "checks:"
    for name, command in found.checks.items():
        yield f"  {quoted(name)}:"
        yield f"    command: {_command(command)}"
        yield f"    in: [{tested.value}]"
    yield "  # journey:   # walks through the application at $GREENROOM_URL as a visitor would"
    yield "  #   command: python journey.py"
    yield f"  #   in: [{', '.join(k.value for k in running)}]"
    yield "  #   journey: true"


def _environments(found: Found, kinds: tuple[Kind, ...]) -> Iterator[str]:
    yield _about("environments") + " What is not said comes from its kind."
    yield "environments:"
    for kind in kinds:
        yield f"  {kind.value}:   # {DEFAULTS[kind].holds}"
        if kind is Kind.DEV:
            yield f"    follow: {quoted(found.branch)}   # each new commit of this branch, at once"
        if kind is Kind.PRODUCTION:
            yield "    bake: {for: 10m}   # watched after the switch; worse than before, it is rolled back"
            yield "    # hosts: [shop.example.com]"
            yield "    gates:"
            yield "      approvals: {count: 1, roles: [manager, client]}"
            yield '      # window: {timezone: Europe/Berlin, open: ["Mon-Thu 09:00-16:00"], holidays: DE}'
