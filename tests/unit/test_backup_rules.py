"""Which backup and which log bring a wanted state back, and what may be forgotten: for any history of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.domain.backup import Archive, Backup, Mark, Retention, Target, chain_of, choose, expired
from greenroom.domain.errors import Refused
from greenroom.domain.upkeep import due_backup
from greenroom.domain.wal import PARTIAL, Era, Segment, ancestry, format_lsn, parse_lsn, reach

SIZE = 1 << 20
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class History:
    """A cluster's life, told step by step; each step takes an hour."""

    now: datetime = START
    position: int = SIZE
    timeline: int = 1
    backups: list[Backup] = field(default_factory=list)
    eras: list[Era] = field(default_factory=lambda: [Era(START, 1)])
    wal: dict[str, int] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)

    @property
    def archive(self) -> Archive:
        return Archive(tuple(self.backups), tuple(self.eras), dict(self.wal), tuple(self.marks))

    def write(self, much: int = SIZE) -> None:
        self.now += HOUR
        self.position += much
        for number in range(1, self.position // SIZE + 1):
            name = Segment(self.timeline, number, SIZE).name
            if not any(int(n[:8], 16) == self.timeline and n[8:] == name[8:] for n in self.wal) and self._is_ours(
                number
            ):
                self.wal[name] = SIZE

    def _is_ours(self, number: int) -> bool:
        forks = [e.fork for e in self.eras if e.timeline == self.timeline and e.fork is not None]
        return not forks or number >= forks[0] // SIZE

    def take(self, full: bool) -> None:
        mine = [b for b in self.backups if b.timeline == self.timeline and b.ended_at > self.eras[-1].at]
        start = self.position
        began = self.now
        self.write(SIZE // 4)
        parent = None if full or not mine else mine[-1].name
        name = f"b{len(self.backups)}"
        made = Backup(
            name, "production", "1", self.timeline, start, self.position, began, self.now, parent, 1, 1, "18.4",
            segment_bytes=SIZE,
        )  # fmt: skip
        self.backups.append(made)

    def mark(self) -> None:
        self.write(SIZE // 8)
        name = f"m{len(self.marks)}"
        self.marks.append(Mark(name, name, "production", "1", self.timeline, self.position, self.now))

    def restore(self, back: int) -> None:
        """To a position that lies `back` before the present one: on this timeline, or on the one that it left where it
        lies before that."""
        self.now += HOUR
        fork = max(self.position - back, self.backups[0].stop)  # a restore begins from a backup
        newest = max(e.timeline for e in self.eras) + 1
        left = {e.timeline: e for e in self.eras}
        held = left[self.timeline]
        while held.fork is not None and held.parent is not None and fork < held.fork:
            held = left[held.parent]
        self.eras.append(Era(self.now, newest, held.timeline, fork))
        self.timeline, self.position = newest, fork


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 3 * SIZE)),
    st.tuples(st.just("take"), st.booleans()),
    st.tuples(st.just("mark"), st.just(0)),
    st.tuples(st.just("restore"), st.integers(0, 2 * SIZE)),
)


def told(steps: list[tuple[str, int]]) -> History:
    history = History()
    history.take(full=True)
    for what, how in steps:
        if what == "mark":
            history.mark()
        elif what == "write":
            history.write(how)
        elif what == "take":
            history.take(bool(how))
        else:
            history.restore(how)
    history.write()
    return history


@given(st.lists(STEPS, max_size=12), st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_the_chosen_backup_ended_before_the_instant_and_its_log_has_no_hole(
    steps: list[tuple[str, int]], hours: int
) -> None:
    """Every chain begins with a full backup, every name in it is there, and the log follows from its start."""
    history = told(steps)
    at = START + hours * HOUR
    try:
        route = choose(history.archive, Target(time=at))
    except Refused as refused:
        assert refused.code == "backup.out_of_reach"
        return
    assert route.base.ended_at <= at
    assert route.chain[0].is_full
    assert [b.parent for b in route.chain[1:]] == [b.name for b in route.chain[:-1]]
    numbers = [Segment.parse(n, SIZE).number for n in route.wal]
    assert numbers[0] <= route.base.start // SIZE
    assert set(range(numbers[0], max(numbers) + 1)) == set(numbers)
    line = dict(ancestry(history.eras, route.timeline))
    assert route.base.timeline in line
    left = line[route.base.timeline]
    assert left is None or route.base.stop <= left


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_newer_backup_that_leads_there_is_never_passed_over(steps: list[tuple[str, int]]) -> None:
    """The latest state is brought back from the newest backup of the present life that is whole."""
    history = told(steps)
    route = choose(history.archive, Target())
    line = dict(ancestry(history.eras, history.timeline))
    fit = [b for b in history.backups if b.timeline in line and ((e := line[b.timeline]) is None or b.stop <= e)]
    assert route.base.stop == max(b.stop for b in fit)


@given(st.lists(STEPS, max_size=14), st.integers(0, 30), st.integers(1, 3), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_forgetting_takes_nothing_that_was_promised(
    steps: list[tuple[str, int]], hours: int, fulls: int, marks: int
) -> None:
    """Whatever could be brought back within the window, and every kept restore point, can be afterwards, in the same
    way; no chain loses a part; forgetting again takes nothing more."""
    history = told(steps)
    policy = Retention(hours / 24, fulls, marks)
    gone = expired(history.archive, policy, history.now)
    before = history.archive
    after = Archive(
        tuple(b for b in before.backups if b.name not in gone.backups),
        before.eras,
        {n: s for n, s in before.wal.items() if n not in gone.wal},
        tuple(m for m in before.marks if m.name not in gone.marks),
    )
    for backup in after.backups:
        assert chain_of(after.backups, backup.name)
    instants = [Target(time=history.now - h * HOUR) for h in range(hours + 1)]
    wanted = [Target(), *instants, *(Target(mark=m) for m in before.marks[len(before.marks) - marks :])]
    for target in wanted:
        assert _route(after, target) == _route(before, target)
    again = expired(after, policy, history.now)
    assert (again.backups, again.wal) == ((), ())
    line = dict(ancestry(history.eras, history.timeline))
    full = [b for b in before.backups if b.is_full and b.timeline in line and b.stop <= (line[b.timeline] or b.stop)]
    assert {b.name for b in full[-fulls:]} <= {b.name for b in after.backups}


def test_a_timeline_whose_number_came_again_leaves_where_the_last_one_did() -> None:
    """The first of them did not start, and was taken back; earlier versions told of it all the same."""
    eras = [
        Era(START, 1),
        Era(START + HOUR, 2, 1, SIZE),
        Era(START + 2 * HOUR, 1),
        Era(START + 3 * HOUR, 2, 1, 9 * SIZE),
    ]
    assert ancestry(eras, 2) == ancestry(reversed(eras), 2) == [(1, 9 * SIZE), (2, None)]


def _route(archive: Archive, target: Target) -> tuple[str, ...] | None:
    try:
        return tuple(b.name for b in choose(archive, target).chain)
    except Refused:
        return None


@given(st.lists(STEPS, max_size=8), st.data())
@settings(max_examples=100, deadline=None)
def test_a_hole_in_the_log_is_named_or_passed_by(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    """With one file of the log gone: either the way does not need it, or it ends before it and says so."""
    history = told(steps)
    lost = data.draw(st.sampled_from(sorted(history.wal)))
    del history.wal[lost]
    try:
        route = choose(history.archive, Target())
    except Refused as refused:
        assert lost in refused.because or "damaged" in refused.because or "missing" in refused.because
        return
    assert lost not in route.wal
    needed = {n for n in choose(told(steps).archive, Target()).wal if n == lost}
    if route.base == choose(told(steps).archive, Target()).base and needed:
        later = [n for n in history.wal if Segment.parse(n, SIZE).number > Segment.parse(lost, SIZE).number]
        on_the_way = [n for n in later if int(n[:8], 16) in dict(ancestry(history.eras, history.timeline))]
        assert route.missing == lost or not on_the_way or _is_left(history, lost)


def _is_left(history: History, name: str) -> bool:
    """True for a file of a timeline that was left in that very file: the next timeline has it too."""
    segment = Segment.parse(name, SIZE)
    return any(e.parent == segment.timeline and (e.fork or 0) // SIZE == segment.number for e in history.eras)


def test_a_damaged_backup_and_what_builds_on_it_are_not_chosen() -> None:
    """The full backup before it is, although it is older."""
    history = told([("write", 5), ("take", 1), ("take", 0)])
    broken = [replace(b, damaged="a bit") if b.name == "b1" else b for b in history.backups]
    route = choose(replace(history.archive, backups=tuple(broken)), Target())
    assert [b.name for b in route.chain] == ["b0"]


def test_the_segment_being_received_counts() -> None:
    """`.partial` is the last file that is read; nothing else is taken for it."""
    history = told([])
    last = max(history.wal)
    del history.wal[last]
    history.wal[last + PARTIAL] = SIZE
    assert choose(history.archive, Target()).wal[-1] == last + PARTIAL


def test_what_is_due() -> None:
    """A full one at first, after a restore, after a week, and when the log has a hole; an increment after a day."""
    history, ages = told([]), {"full": 7 * 86400.0, "incremental": 86400.0}
    at = history.backups[0].ended_at
    assert due_backup(Archive((), tuple(history.eras)), at, **ages, has_gap=False) == "full"
    assert due_backup(history.archive, at + 23 * HOUR, **ages, has_gap=False) is None
    assert due_backup(history.archive, at + 24 * HOUR, **ages, has_gap=False) == "incremental"
    assert due_backup(history.archive, at + 168 * HOUR, **ages, has_gap=False) == "full"
    assert due_backup(history.archive, at + HOUR, **ages, has_gap=True) == "full"
    history.restore(0)
    assert due_backup(history.archive, history.now, **ages, has_gap=False) == "full"


@given(st.integers(0, 1 << 60))
def test_positions_and_names_are_read_as_written(position: int) -> None:
    """Both ways, for any position."""
    assert parse_lsn(format_lsn(position)) == position
    segment = Segment(3, position // (16 << 20))
    assert Segment.parse(segment.name) == segment


def test_names_as_postgresql_writes_them() -> None:
    """The example of its documentation, and the step from one log file to the next."""
    assert Segment(1, 255).name == "0000000100000000000000FF"
    assert Segment(1, 256).name == "000000010000000100000000"
    with pytest.raises(ValueError, match="does not name"):
        Segment.parse("00000002.history")


def test_reach_stops_where_it_is_told() -> None:
    """Not a file more than the wanted position needs."""
    there = {Segment(1, n, SIZE).name: SIZE for n in range(1, 9)}
    found = reach(there, [(1, None)], SIZE, SIZE, 3 * SIZE)
    assert (found.end, found.missing, len(found.names)) == (3 * SIZE, None, 2)
