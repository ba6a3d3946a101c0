"""What leads outside (payment keys, webhooks) is production's there, and something else wherever side effects are
caught. Values are compared by keyed digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from greenroom.domain.errors import Refused
from greenroom.domain.release import Release, Variable
from greenroom.domain.secret import Secret
from greenroom.workflows.world import World


def refuse_shared(world: World, environment: str, release: Release, given: Mapping[str, str | Secret]) -> None:
    """Raise Refused (`config.outside_shared`) where side effects are caught and a variable that leads outside would be
    given the value that production has."""
    if not world.project().environment(environment).catches:
        return
    for variable in release.descriptor.variables:
        if variable.outside and variable.name in given:
            twin = _twin(world, variable, _secret(given[variable.name]), environment)
            if twin is not None:
                raise _shared(environment, variable.name, twin)


def refuse_sharing(world: World, environment: str, variable: Variable, value: Secret) -> None:
    """Raise Refused (`config.outside_shared`) if keeping `value` in `environment` would make production's value of a
    variable that leads outside stand where side effects are caught."""
    if variable.outside and (twin := _twin(world, variable, value, environment)) is not None:
        raise _shared(environment, variable.name, twin)


def _twin(world: World, variable: Variable, value: Secret, environment: str) -> str | None:
    """An environment on the other side that has the same value."""
    digest = world.secrets.digest(value)
    catches = world.project().environment(environment).catches
    for other, found in _values(world, variable, catching=not catches):
        if world.secrets.digest(found) == digest:
            return other
    return None


def _values(world: World, variable: Variable, *, catching: bool) -> Iterator[tuple[str, Secret]]:
    """The value of every environment that catches side effects, or of every other; an empty one leads nowhere."""
    for e in world.project().environments:
        if e.catches is not catching:
            continue
        kept = world.secrets.values(e.name).get(variable.name)
        plain = (
            None if variable.secret else e.config.get(variable.name, variable.caught if catching else variable.default)
        )
        found = kept or (_secret(plain) if plain else None)
        if found is not None and found.reveal():
            yield e.name, found


def _secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def _shared(environment: str, name: str, twin: str) -> Refused:
    return Refused(
        "config.outside_shared",
        f"{environment} may not have the same {name} as {twin}",
        because="it leads outside, and in one of the two side effects are caught: people would be charged or told",
        hint=f"greenroom secret set {environment} {name} with a value of its own, for example the service's test key",
        facts={"environment": environment, "name": name, "other": twin},
    )
