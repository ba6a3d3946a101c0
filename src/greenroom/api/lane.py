"""A lane of its own for requests that may take long: so many at once, in threads that nobody else waits for.

All other routes share one pool of threads. Requests that wait for minutes, for a copy of a large database or for one
another, would take every thread of it, and nobody could be told even the status.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from greenroom.domain.errors import Refused

AT_ONCE = 8
AGAIN_SECONDS = 5

T = TypeVar("T")


class SlowLane:
    """To be used from the event loop alone."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._free = at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="slow")  # starts one when it is needed

    async def run(self, do: Callable[[], T]) -> T:
        """What `do` gives, from a thread. Raises Refused (`api.crowded`) at once when the lane is full."""
        if self._free == 0:
            raise Refused(
                "api.crowded",
                f"{self._at_once} requests of this kind are being carried out, and no more are at once",
                because="each may take long, and everything else is answered meanwhile",
                hint=f"ask again in {AGAIN_SECONDS} s",
                facts={"retry_after": AGAIN_SECONDS},
            )
        self._free -= 1
        try:
            carried = contextvars.copy_context()  # as the log knows the request
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: carried.run(do))
        finally:
            self._free += 1
