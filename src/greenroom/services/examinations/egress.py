"""Do environments reach only what they may on the network?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import AGAIN, Found, failed, passed


def look(app: App) -> Iterator[Found]:
    """Where the machine cannot limit, that is something to know; it is damage where the configuration asks for it."""
    wanted = [e for e in app.world.project().environments if e.runs and e.egress is not None]
    if not wanted:
        yield passed("egress", "outgoing network is not limited: the configuration lets every environment go anywhere")
        return
    standing = app.world.egress.standing()
    if not standing.is_possible:
        said = f"outgoing network is NOT limited: {standing.why}"
        if asked := [e.name for e in wanted if e.is_egress_said]:
            way_out = f"run Greenroom as root with nftables, or take egress of {', '.join(asked)} out of greenroom.yaml"
            yield failed("egress", f"{said}; the configuration limits {', '.join(asked)}", way_out)
        else:
            yield passed("egress", f"{said}; applications before production can reach whatever this machine can")
        return
    open_now = [e.name for e in wanted if e.name not in standing.limited]
    if open_now:
        yield failed("egress", f"outgoing network of {', '.join(open_now)} is not limited: the rules are gone", AGAIN)
    else:
        yield passed("egress", f"outgoing network of {', '.join(e.name for e in wanted)} is limited to what is allowed")
    for name in sorted(standing.crowded):
        yield passed("egress", f"{name} listens on so many addresses that it does not reach all of them itself")
