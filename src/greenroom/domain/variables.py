"""Which variables an application is given: the one rule, for environments and for a developer's working tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from greenroom.domain.release import Mail, Variable
from greenroom.domain.secret import Secret

MailAddress = tuple[str, int]
"""Host and port of a mailbox that catches everything."""


def resolved(
    declared: Iterable[Variable],
    *,
    kept: Mapping[str, Secret],
    plain: Mapping[str, str],
    generate: Callable[[str], Secret],
    mail: Callable[[], MailAddress] | None,
    catches: bool,
) -> tuple[dict[str, str | Secret], list[str]]:
    """The values of what is declared, and the names of what is required and has none.

    `kept` are secrets that were set, `plain` values of the configuration, which no secret takes; `generate` gives a
    random value for a name, the same one each time. `mail` says where mail is caught; None: it is real. `catches`: side
    effects are caught, so what leads outside has a value of its own there or the harmless one, never the default.
    """
    found: dict[str, str | Secret] = {}
    missing = []
    for variable in declared:
        if variable.mail is not None and mail is not None:
            found |= caught_mail(variable, mail)
        elif variable.name in kept:
            found[variable.name] = kept[variable.name]
        elif variable.outside and catches and variable.name not in plain:
            if variable.caught is not None:
                found[variable.name] = variable.caught
            elif variable.generate:
                found[variable.name] = generate(variable.name)
            elif variable.required:
                missing.append(variable.name)
        elif variable.name in plain and not variable.secret:
            found[variable.name] = plain[variable.name]
        elif variable.generate:
            found[variable.name] = generate(variable.name)
        elif variable.default is not None:
            found[variable.name] = variable.default
        elif variable.required:
            missing.append(variable.name)
    return found, missing


def caught_mail(variable: Variable, mail: Callable[[], MailAddress]) -> dict[str, str]:
    """A variable that says where mail goes, where it must reach nobody. Nothing for what would let the application in
    elsewhere."""
    if variable.mail is Mail.LOGIN:
        return {}
    host, port = mail()
    values = {Mail.HOST: host, Mail.PORT: str(port)}
    return {variable.name: values.get(variable.mail or Mail.URL, f"smtp://{host}:{port}")}
