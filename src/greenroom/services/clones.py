"""Clones: databases of one person's own, filled with masked data. Only the owner is given the address.

Whoever asks holds the clone, so two at once for one clone take turns; how many there may be is decided one at a time.
What must not be undone is noted in the transaction that puts it on the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.clone import Clone, CloneState, key_of
from greenroom.domain.data import Dataset, newest, require_clearance
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.kinds import DEFAULTS, DataLabel, Kind
from greenroom.domain.names import checked_name
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App
from greenroom.store import records

TURN_SECONDS = 10.0
"""How long who asks waits for another's turn with the same clone, before being told to ask again."""


def obtain(app: App, actor: Actor, name: str, *, dataset: str | None = None) -> dict[str, Any]:
    """The actor's clone of this name, made if it is not there, running, with its address. Asked for again, the same.

    Raises Refused (`data.no_dataset`, `data.clearance`, `clone.limit`, `clone.other_dataset`, `clone.busy`; where a
    reset was cut off, `data.dataset_gone`), BadInput (`name.invalid`, `data.dataset_unknown`).
    """
    app.allow(actor, Action.CLONE)
    with app.world.clones.held(key_of(actor.name, checked_name(name, "clone")), seconds=TURN_SECONDS):
        found = _find(app, actor.name, name)
        if found is None or found.state is CloneState.MAKING:
            found = _made(app, actor, name, dataset)
        elif dataset is not None and dataset != found.dataset:
            raise Refused(
                "clone.other_dataset",
                f"the clone {name} is one of {found.dataset}",
                because="what was changed in it would be lost",
                hint=f"greenroom clone reset {name} --dataset {dataset[:80]}, or choose another name",
            )
        elif found.state is CloneState.RESETTING:  # it was cut off
            _fill_again(app, found)
        return _given(app, found)


def reset(app: App, actor: Actor, name: str, *, dataset: str | None = None) -> dict[str, Any]:
    """Filled anew, with the newest dataset or the one named; the address stays. Raises as `obtain` does, and BadInput
    (`clone.unknown`)."""
    app.allow(actor, Action.CLONE)
    with app.world.clones.held(key_of(actor.name, checked_name(name, "clone")), seconds=TURN_SECONDS):
        found = _need(app, actor.name, name)
        wanted = _dataset_for(app, actor, name, dataset)
        clone = replace(
            found,
            dataset=wanted.name,
            label=wanted.label,
            version=wanted.version,
            bytes=wanted.bytes,
            made_at=app.world.clock.now(),
            state=CloneState.RESETTING,
        )
        app.world.clones.need_room(clone)  # before what is in it is given up
        _record(app, actor.name, "reset", clone)
        app.world.clones.fill(clone)
        return _given(app, clone)


def drop(app: App, actor: Actor, name: str, *, owner: str | None = None) -> None:
    """Not there any more. Another's clone is dropped by who sweeps. Raises BadInput (`clone.unknown`), Refused
    (`clone.busy`)."""
    is_own = owner is None or owner == actor.name
    app.allow(actor, Action.CLONE if is_own else Action.COLLECT)
    with app.world.clones.held(key_of(owner or actor.name, checked_name(name, "clone")), seconds=TURN_SECONDS):
        _away(app, actor.name, "dropped", _need(app, owner or actor.name, name))


def listed(app: App, actor: Actor) -> list[dict[str, Any]]:
    """All clones, of everybody; of none its address."""
    app.allow(actor, Action.VIEW)
    return [view(app, c) for c in app.world.clones.all()]


def expire(
    app: App, by: Actor, by_itself: Callable[[str], AbstractContextManager[None]] = lambda key: nullcontext()
) -> list[str]:
    """Remove those that nobody asked for long enough, and those of accounts that were disabled; their names.

    Each in a block of `by_itself`, which is given its key: so one in trouble need hold up no other.
    """
    now, gone = app.world.clock.now(), list[str]()
    found = app.world.clones.all()
    disabled = _disabled(app) if found else set()
    for clone in found:
        if not _is_over(clone, now, disabled):
            continue
        with by_itself(clone.key), _unless_busy(), app.world.clones.held(clone.key, seconds=0):
            again = _find(app, clone.owner, clone.name)  # it may have been asked for meanwhile
            if again is not None and _is_over(again, now, disabled):
                _away(app, by.name, "expired", again)
                gone.append(clone.name)
    return gone


@contextmanager
def _unless_busy() -> Iterator[None]:
    """Nothing when it is another's turn: then it was just asked for."""
    try:
        yield
    except Refused as e:
        if e.code != "clone.busy":
            raise


def view(app: App, clone: Clone) -> dict[str, Any]:
    """What everybody may see of it."""
    return {
        "name": clone.name,
        "owner": clone.owner,
        "dataset": clone.dataset,
        "label": clone.label.name.lower(),
        "version": clone.version,
        "bytes": clone.bytes,
        "state": clone.state.value,
        "made_at": clone.made_at,
        "age_seconds": (app.world.clock.now() - clone.made_at).total_seconds(),
        "expires_at": clone.expires_at,
    }


def _made(app: App, actor: Actor, name: str, dataset: str | None) -> Clone:
    clones, began = app.world.clones, app.world.clock.now()
    wanted = _dataset_for(app, actor, name, dataset)
    clone = Clone(actor.name, name, wanted.name, wanted.label, wanted.version, wanted.bytes, began, _expiry(app, began))
    with clones.deciding():
        _require_room(app, clone)
        clones.note(clone)
    try:
        clones.fill(clone)
    except Exception:
        clones.clear(clone)
        raise
    ready = replace(clone, state=CloneState.READY)
    _record(app, actor.name, "created", ready)
    return ready


def _fill_again(app: App, clone: Clone) -> None:
    """With the dataset that the reset was to bring, and no other: it may have been named. Raises Refused
    (`data.dataset_gone`)."""
    try:
        app.world.clones.fill(clone)
    except Errored as error:
        if error.code != "data.dataset_gone":
            raise
        raise Refused(
            "data.dataset_gone",
            f"the clone {clone.name} holds nothing: its reset to {clone.dataset} was cut off",
            because="that dataset has gone since, and what was in the clone before was given up for it",
            hint=f"greenroom clone reset {clone.name} fills it with the newest dataset; its address stays",
        ) from None


def _given(app: App, clone: Clone) -> dict[str, Any]:
    """With its address, running; it is kept for the whole time again."""
    url = app.world.clones.url(clone)
    kept = replace(clone, state=CloneState.READY, expires_at=_expiry(app, app.world.clock.now()))
    app.world.clones.note(kept)
    return {**view(app, kept), "url": url.reveal()}


def _away(app: App, by: str, what: str, clone: Clone) -> None:
    _record(app, by, what, replace(clone, state=CloneState.DROPPED))
    app.world.clones.clear(clone)


def _record(app: App, by: str, what: str, clone: Clone) -> None:
    """On the ledger, and so from then on."""
    about = {"clone": clone.name, "owner": clone.owner, "dataset": clone.dataset}
    with app.world.store.database.transaction() as tx:
        app.world.store.recorder.append(tx, by, f"clone.{what}", {"about": about})
        app.world.clones.note(clone)  # within: what could not be noted is not on the ledger


def _dataset_for(app: App, actor: Actor, name: str, dataset: str | None) -> Dataset:
    """The named or newest dataset, which may be seen where developers work. Raises Refused (`data.no_dataset`,
    `data.clearance`), BadInput (`data.dataset_unknown`)."""
    known = app.world.vault.datasets()
    if dataset is not None:
        found = next((d for d in known if d.name == dataset), None)
        if found is None:
            raise BadInput(
                "data.dataset_unknown",
                f"there is no dataset {dataset[:80]!r}",
                hint="greenroom data list shows those there are",
            )
    else:
        found = newest(known)
        if found is None:
            raise Refused(
                "data.no_dataset",
                "there is no masked dataset to clone",
                because="clones hold masked data alone, and none was made yet",
                hint="greenroom data make makes one of production's newest backup; it takes an engineer or operator",
            )
    kind = Kind.DEV
    require_clearance(found.label, _clearance(app), kind, f"the clone {name} of {actor.name}", found.name)
    return found


def _clearance(app: App) -> DataLabel:
    """Of dev, as the project has it; never more than masked."""
    of_dev = [e.clearance for e in app.world.project().environments if e.kind is Kind.DEV]
    return min([DEFAULTS[Kind.DEV].clearance, *of_dev])


def _require_room(app: App, clone: Clone) -> None:
    """Raises Refused (`clone.limit`)."""
    policy = app.world.project().data.clones
    others = [c for c in app.world.clones.all() if c.key != clone.key]
    own = sorted(c.name for c in others if c.owner == clone.owner)
    if len(own) >= policy.per_owner:
        raise Refused(
            "clone.limit",
            f"{clone.owner} has {len(own)} clones, and may have {policy.per_owner}",
            because=f"data/clones/per_owner says so; there are {', '.join(own) or 'none'}",
            hint=f"greenroom clone drop {own[0]}" if own else "an administrator allows more in greenroom.yaml",
            facts={"limit": policy.per_owner, "clones": own},
        )
    if len(others) >= policy.limit:
        raise Refused(
            "clone.limit",
            f"there are {len(others)} clones, and may be {policy.limit}",
            because="data/clones/limit says so",
            hint="greenroom clone list shows whose they are; drop one, or wait until one expires",
            facts={"limit": policy.limit},
        )


def _find(app: App, owner: str, name: str) -> Clone | None:
    return next((c for c in app.world.clones.all() if (c.owner, c.name) == (owner, name)), None)


def _need(app: App, owner: str, name: str) -> Clone:
    found = _find(app, owner, name)
    if found is None:
        raise BadInput(
            "clone.unknown",
            f"{owner} has no clone {name}",
            hint="greenroom clone list shows those there are",
        )
    return found


def _is_over(clone: Clone, now: datetime, disabled: set[str]) -> bool:
    return clone.state is not CloneState.MAKING and (clone.expires_at <= now or clone.owner in disabled)


def _disabled(app: App) -> set[str]:
    with app.world.store.database.reading() as tx:
        return {a["name"] for a in records.accounts(tx) if a["disabled_at"] is not None}


def _expiry(app: App, now: datetime) -> datetime:
    return now + timedelta(seconds=app.world.project().data.clones.expire_seconds)
