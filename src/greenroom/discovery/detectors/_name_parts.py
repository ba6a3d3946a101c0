"""Given and family names are told apart by each other: what both of their detectors weigh."""

from __future__ import annotations

from greenroom.discovery.model import Choice, Finding
from greenroom.discovery.place import Clue, Place, found, weigh


def weighed(place: Place, part: str, other: str, plural: str, by_name: float) -> Finding | None:
    """A finding of `part` (`first_name`), unless without a name that says so more values look like the `other`.

    In a table of people a third of the values is enough to be asked about.
    """
    share = place.sample.share(part)
    if not by_name and place.sample.share(other) > share:
        return None
    clue = Clue(part, plural) if place.is_catalogue else Clue(part, plural, alone=0.75)
    confidence, reason = weigh(place, by_name, clue)
    if place.is_person and not by_name and not place.is_short_list and share >= 0.3:
        confidence = max(confidence, 0.55)
    return found(part, (confidence, reason), Choice(part))
