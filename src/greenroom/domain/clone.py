"""A clone: a database of one developer's own, filled with a masked dataset."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from greenroom.domain.errors import Refused
from greenroom.domain.kinds import DataLabel
from greenroom.domain.names import NAME, RESERVED

PREFIX = "clone-"
"""How a clone is called wherever an environment's name stands begins so. No environment's name may."""

LONGEST = 32
AGAIN_SECONDS = 5
"""When who was told that it is another's turn may ask again."""
NO_LETTERS = re.compile(r"[^a-z0-9]+")


class CloneState(StrEnum):
    """What may be relied on. Anything but READY was cut off when nobody holds the clone."""

    MAKING = "making"  # never whole yet: removed when it was cut off
    READY = "ready"
    RESETTING = "resetting"  # what was in it is given up: filled again when it was cut off
    DROPPED = "dropped"  # not there any more for anybody; its files are still to be removed


@dataclass(frozen=True)
class Clone:
    """One clone. `owner` is an account; two of them may have clones of one name.

    `version` is PostgreSQL's, `bytes` what the dataset takes: where blocks are shared, a clone takes less.
    """

    owner: str
    name: str
    dataset: str
    label: DataLabel
    version: str
    bytes: int
    made_at: datetime
    expires_at: datetime
    state: CloneState = CloneState.MAKING

    @property
    def key(self) -> str:
        return key_of(self.owner, self.name)


def busy() -> Refused:
    """It is another's turn for this clone."""
    return Refused(
        "clone.busy",
        "this clone is being made, filled or dropped at the moment",
        because="somebody asked for the same before, and copying takes as long as the dataset is large",
        hint=f"ask again in {AGAIN_SECONDS} s: greenroom clone list shows how far it is",
        facts={"retry_after": AGAIN_SECONDS},
    )


def key_of(owner: str, name: str) -> str:
    """What the owner's clone of this name is called wherever an environment's name stands; a valid name itself,
    whatever the two are."""
    digest = hashlib.sha256(json.dumps([owner, name]).encode()).hexdigest()[:16]
    readable = NO_LETTERS.sub("-", name.lower())[: LONGEST - len(PREFIX) - len(digest) - 1].strip("-")
    return f"{PREFIX}{readable}-{digest}" if readable else f"{PREFIX}{digest}"


def name_from(text: str) -> str | None:
    """A clone's name made of what people call their work, such as a git branch: `feature/New-cart` gives
    `feature-new-cart`. Long ones are cut and keep apart. None where nothing is left."""
    name = NO_LETTERS.sub("-", text.lower()).strip("-")
    if name and not name[0].isalpha():
        name = f"b-{name}"
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 7].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    return name if NAME.fullmatch(name) and name not in RESERVED else None
