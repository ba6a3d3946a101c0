"""Nobody answered: who is there still, and which command brings back what is not? Looked at without a control plane."""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module to run
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from greenroom.adapters.home import Home
    from greenroom.cli.credentials import Credentials
    from greenroom.domain.errors import Errored

TOKEN_FILE = "/private/api.json"  # noqa: S105 - where it lies, not what it is
CONTROL_PLANE = "control-plane"
AFTERWARDS = "greenroom up, then greenroom doctor again"

Finding = dict[str, str]


def unreachable(known: Credentials, error: Exception) -> Errored:
    """Of a control plane on this machine it says whether its keeper is there, which starts it again by itself."""
    from greenroom.domain.errors import Errored as Kind

    because = str(error) or type(error).__name__
    home = home_of(known)
    if home is None:
        return Kind(
            "api.unreachable",
            f"the control plane at {known.url} does not answer",
            because=because,
            hint="greenroom up on its machine starts it; applications go on without it",
        )
    state = _state_at_keeper(home)
    if state == "unknown":
        return Kind(
            "api.unreachable",
            f"the control plane at {known.url} does not answer",
            because=f"{because}; its keeper does, and was told to keep none",
            hint="greenroom up starts it; what runs goes on meanwhile",
        )
    if state is not None:
        return Kind(
            "api.unreachable",
            f"the control plane at {known.url} does not answer",
            because=f"{because}; its keeper does, and starts it again by itself when it ends",
            hint="ask again in a moment; if it stays away, greenroom doctor says how it stands",
        )
    return Kind(
        "api.unreachable",
        f"nobody is there: neither the control plane at {known.url} nor its keeper answers",
        because=because,
        hint="greenroom up brings both back, and nothing else does; until then what runs goes on unwatched",
    )


def home_of(known: Credentials) -> Home | None:
    """The home on this machine whose own token these credentials are; None for any other control plane."""
    if not known.source.endswith(TOKEN_FILE):
        return None
    from pathlib import Path

    from greenroom.adapters.home import Home
    from greenroom.domain.errors import GreenroomError

    try:
        return Home.of(Path(known.source.removesuffix(TOKEN_FILE)))
    except GreenroomError:  # a machine without a place for sockets
        return None


def findings(known: Credentials, error: Errored) -> list[Finding]:
    """What `greenroom doctor` can say without a control plane, in the form of its other findings."""
    found = [_finding("control plane", "failed", f"{error.message}: {error.because}", error.hint)]
    home = home_of(known)
    if home is not None:
        found += _of_keeper(home)
    said = "nobody looked at store, ledger, edge, environments, backups and work: that takes a control plane"
    return [*found, _finding("everything else", "errored", said, AFTERWARDS)]


def _state_at_keeper(home: Home) -> str | None:
    """How the keeper says that the control plane stands; `unknown` when it keeps none; None when it does not answer."""
    from greenroom.keeper.client import KeeperClient

    try:
        return KeeperClient(home.keeper).status(CONTROL_PLANE).state
    except OSError:
        return None


def _of_keeper(home: Home) -> Iterator[Finding]:
    from greenroom.keeper.client import KeeperClient

    try:
        kept = KeeperClient(home.keeper).all()
    except OSError:
        yield _finding("keeper", "failed", "it does not answer: nobody starts again what ends", "greenroom up")
        yield from _left_alone(home.keeper)
        return
    yield _finding("keeper", "passed", f"answers, and keeps {len(kept)} processes")
    for status in kept:
        if status.state == "running":
            yield _finding(status.name, "passed", f"runs as process {status.pid}")
        else:
            ended = f", ended last: {status.last_exit}" if status.last_exit else ""
            yield _finding(status.name, "failed", f"{status.state}{ended}", f"its log is {status.log}")


def _left_alone(directory: Path) -> Iterator[Finding]:
    """What a keeper that is gone had been asked to keep, from its records: does it run on without it?"""
    from greenroom.keeper.records import Records, UnknownVersion
    from greenroom.keeper.spawn import read_birth

    records = Records(directory)
    for name in records.names():
        try:
            _, is_wanted = records.spec(name)
            alive = records.birth_path(name).exists() and read_birth(records.birth_path(name)) is not None
        except (OSError, ValueError, UnknownVersion) as error:
            yield _finding(name, "errored", f"the keeper's record of it cannot be read: {error}", AFTERWARDS)
            continue
        if alive:
            yield _finding(name, "passed", "runs on, and nobody would start it again")
        elif is_wanted and name != CONTROL_PLANE:
            yield _finding(name, "failed", "it has ended, and nobody starts it again", "greenroom up")


def _finding(name: str, outcome: str, said: str, way_out: str = "") -> Finding:
    return {"name": name, "outcome": outcome, "said": said, "next": way_out}
