"""While a release boots and is checked, no visitor waits for it: it takes the processor's time that they leave."""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.domain.plan import WorkKind
from greenroom.workflows.step import StepContext
from greenroom.workflows.steps.ground import holds_traffic

LONGEST_SECONDS, LONGEST_SHARE = 10.0, 1 / 3
"""So long, and of the time it may boot no more: on a machine without time to spare it has its share from then on, and
boots all the same."""
FIRST_SECONDS = 0.05


class Boot:
    """The instances of one release until they are ready. In a rollback, and where visitors are held until the switch,
    somebody waits: then they have their share at once."""

    def __init__(self, context: StepContext, instances: Sequence[str]) -> None:
        self._runtime, self._instances = context.world.runtime, instances
        self._longest = min(LONGEST_SECONDS, context.release.descriptor.health.boot_seconds * LONGEST_SHARE)
        self._next = 0.0
        self._stands_back = context.work.kind is not WorkKind.ROLLBACK and not holds_traffic(context)

    def look(self, seconds: float) -> None:
        """Called now and then with how long they have been booting: what they started meanwhile stands back, too."""
        if seconds > self._longest:
            self.come_forward()
        elif self._stands_back and seconds >= self._next:
            self._rank(stands_back=True)
            self._next = max(FIRST_SECONDS, 2 * seconds)

    def come_forward(self) -> None:
        """From here on they have their share. Idempotent."""
        if self._stands_back:
            self._stands_back = False
            self._rank(stands_back=False)

    def _rank(self, *, stands_back: bool) -> None:
        for instance in self._instances:
            self._runtime.rank(instance, stands_back=stands_back)
