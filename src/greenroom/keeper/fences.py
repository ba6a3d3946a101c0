"""Who may still act: the highest token that somebody came with, for each scope.

A worker makes sure of its claim and then asks; paused between the two it asks hours later, when another has long taken
its work over. Only who carries out what is asked can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from greenroom.keeper.records import Records, UnknownVersion
from greenroom.keeper.spec import Fence, StaleFence

LONGEST_SCOPE = 150


class Fences:
    """What is remembered in the directory of `records`, as long as processes are."""

    def __init__(self, records: Records, say: Callable[[str], None]) -> None:
        self._records = records
        self._say = say
        self._highest: dict[str, int] = {}

    def recover(self) -> None:
        """What cannot be read is begun anew: a keeper that does not come up would be worse than a sleeper let in."""
        try:
            self._highest = self._records.fences()
        except (UnknownVersion, ValueError) as error:
            self._say(f"fences: begun anew: {error}")

    def let_in(self, fence: Fence | None) -> None:
        """Raise StaleFence when somebody came with a higher token; else remember this one, durably."""
        if fence is None:
            return
        highest = self._highest.get(fence.scope, -1)
        if fence.token < highest:
            raise StaleFence(f"token {fence.token} for {fence.scope} is older than {highest}")
        if fence.token > highest:
            self._records.save_fences({**self._highest, fence.scope: fence.token})
            self._highest[fence.scope] = fence.token

    def told(self) -> dict[str, int]:
        return dict(self._highest)


def fence_of(data: Any) -> Fence | None:
    """What a request says. Raises ValueError for what says nothing that can be understood."""
    if data is None:
        return None
    if not isinstance(data, dict):
        raise ValueError("a fence is an object")  # noqa: TRY004 - a malformed request, like all others
    scope, token = data.get("scope"), data.get("token")
    if not isinstance(scope, str) or not 0 < len(scope) <= LONGEST_SCOPE:
        raise ValueError(f"a fence's scope has 1 to {LONGEST_SCOPE} characters")
    if not isinstance(token, int) or isinstance(token, bool) or token < 0:
        raise ValueError("a fence's token is a whole number from 0")
    return Fence(scope, token)
