"""While a release boots and is checked, no visitor waits for it: it takes the processor's time that they leave."""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.domain.errors import Errored
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import MigrationStyle
from greenroom.workflows.step import StepContext
from greenroom.workflows.steps.ground import holds_traffic

LONGEST_SECONDS, LONGEST_SHARE = 10.0, 1 / 3
"""So long, and of the time it may boot no more: on a machine without time to spare it has its share from then on, and
boots and passes its checks all the same."""
FIRST_SECONDS = 0.05


class Boot:
    """The instances of one release until they are ready. Where somebody waits for it they have their share at once: in
    a rollback, while visitors are held, and when it migrates as it starts, for it may hold locks then."""

    def __init__(self, context: StepContext, instances: Sequence[str]) -> None:
        self._context, self._instances = context, instances
        release = context.release.descriptor
        self._longest = min(LONGEST_SECONDS, release.health.boot_seconds * LONGEST_SHARE)
        self._began, self._next = context.world.clock.monotonic(), 0.0
        is_waited_for = context.work.kind is WorkKind.ROLLBACK or holds_traffic(context)
        self._stands_back = not is_waited_for and release.migration.style is not MigrationStyle.AT_START

    def look(self) -> None:
        """Called now and then: what they started meanwhile stands back, too, and when they have done so for long enough
        they come forward."""
        seconds = self._context.world.clock.monotonic() - self._began
        try:
            if seconds > self._longest:
                self.come_forward()
            elif self._stands_back and seconds >= self._next:
                self._rank(stands_back=True)
                self._next = max(FIRST_SECONDS, 2 * seconds)
        except Errored as error:  # it is a courtesy: who is away just now is asked again at the next look
            if error.code != "runtime.unavailable":
                raise

    def come_forward(self) -> None:
        """From here on they have their share. Idempotent. Raises Errored (`runtime.unavailable`)."""
        if self._stands_back:
            self._rank(stands_back=False)
            self._stands_back = False

    def _rank(self, *, stands_back: bool) -> None:
        for instance in self._instances:
            self._context.world.runtime.rank(instance, stands_back=stands_back, fence=self._context.fence)
