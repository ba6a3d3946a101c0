"""Discovery against databases whose truth is known: recall and precision of the columns that it proposes.

Databases of the project's own stand in `tests/cases/discovery`, each a script and a `pii.tsv`; others of that form are
named on the command line. In the truth, `direct`, `quasi` and `sensitive` columns are personal; an organisation's
(`org`) count neither way; everything else, the traps among it, is not personal.

Recall: which share of the personal columns was proposed. Precision: which share of the proposed ones is personal.
Called harmless: which share of the personal columns nobody would look at again, because discovery declared them
harmless; it is the one that leaks. A column that the database generates counts neither way: it is made anew from the
masked row, and no rule can stand on it.
Goals are floors; the report holds them as what is missing, so that less is better as in every other figure.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.masked_copy_support import Server, servers

from bench.figure import Figure
from greenroom.adapters.postgres.discovery import read_facts
from greenroom.adapters.postgres.masking.ends import End
from greenroom.discovery.discover import discover
from greenroom.discovery.harmless import GENERATED
from greenroom.discovery.model import Harmless, Proposal, Verdict
from greenroom.registry import all_detectors, all_rules, all_traits

OWN = Path("tests/cases/discovery")
PERSONAL = ("direct", "quasi", "sensitive")
RECALL, PRECISION, CALLED_HARMLESS = 0.95, 0.8, 0.02


@dataclass
class Score:
    """How the verdicts compare with the truth, by the paths of columns."""

    found: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    organisations: set[str] = field(default_factory=set)
    called_harmless: set[str] = field(default_factory=set)
    columns: int = 0
    undecided: int = 0

    @property
    def recall(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.missed))

    @property
    def precision(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.wrong))

    @property
    def harmless_share(self) -> float:
        """Which share of the personal columns was declared harmless."""
        return len(self.called_harmless) / max(1, len(self.found) + len(self.missed))

    @property
    def strict_precision(self) -> float:
        """With an organisation's columns counted as wrong."""
        return len(self.found) / max(1, len(self.found) + len(self.wrong) + len(self.organisations))


def truth_of(directory: Path) -> dict[str, str]:
    """The class of each column that the truth names."""
    with (directory / "pii.tsv").open(encoding="utf-8") as file:
        return {row["column"]: row["class"] for row in csv.DictReader(file, delimiter="\t")}


def load(server: Server, directory: Path) -> End:
    """The database of a directory's script."""
    end = server.database()
    for script in sorted(directory.glob("*.sql")):
        psql = [server.tools.program("psql"), "--no-psqlrc", "--quiet", "--file", str(script)]
        if directory.parent == OWN:
            psql.append("--set=ON_ERROR_STOP=1")  # foreign scripts name owners that are not there
        environment = server.tools.env(end.env(search_path="public"))
        done = subprocess.run(psql, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{script} did not load: {done.stderr[-600:]}")
    return end


def verdicts_of(end: End) -> tuple[Verdict, ...]:
    """What discovery says of every column."""
    with end.session() as connection:
        read = read_facts(connection, all_traits(), datetime.now(UTC).date())
    return discover(read.tables, all_rules(), all_detectors())


def score(verdicts: tuple[Verdict, ...], truth: dict[str, str]) -> Score:
    """The verdicts beside the truth."""
    result = Score(columns=len(verdicts))
    if strange := truth.keys() - {v.column for v in verdicts}:
        raise ValueError(f"the truth names columns that are not there: {', '.join(sorted(strange))}")
    for verdict in verdicts:
        if verdict.reason.startswith(GENERATED):
            continue
        told = truth.get(verdict.column, "none")
        proposed = isinstance(verdict, Proposal) and verdict.is_personal
        if told in PERSONAL:
            (result.found if proposed else result.missed).add(verdict.column)
            if isinstance(verdict, Harmless):
                result.called_harmless.add(verdict.column)
        elif proposed:
            (result.organisations if told == "org" else result.wrong).add(verdict.column)
        result.undecided += not proposed and not isinstance(verdict, Harmless)
    return result


def directories() -> list[Path]:
    """The project's own databases, and those named on the command line."""
    named = [Path(word) for word in sys.argv[1:] if "/" in word]
    return [*sorted(p.parent for p in OWN.glob("*/pii.tsv")), *named]


def measure(directory: Path) -> list[Figure]:
    figures = []
    with servers(18) as found:
        for database in directories():
            verdicts = verdicts_of(load(found[18], database))
            result = score(verdicts, truth_of(database))
            _tell(database.name, result, verdicts)
            personal = len(result.found) + len(result.missed)
            how = f"{len(result.found)} of {personal} personal columns found, {result.columns} columns in all"
            calm = f"{len(result.called_harmless)} of {personal} personal columns declared harmless"
            also = (
                f"{len(result.wrong)} wrong; {result.undecided} left to a person; an organisation's count neither way"
            )
            figures += [
                Figure(f"discovery, {database.name}: missed", 1 - result.recall, "share", round(1 - RECALL, 2), how),
                Figure(
                    f"discovery, {database.name}: wrong", 1 - result.precision, "share", round(1 - PRECISION, 2), also
                ),
                Figure(
                    f"discovery, {database.name}: personal columns called harmless",
                    result.harmless_share,
                    "share",
                    CALLED_HARMLESS,
                    calm,
                ),
            ]
    return figures


def _tell(name: str, result: Score, verdicts: tuple[Verdict, ...]) -> None:
    kinds = Counter(type(v).__name__.lower() for v in verdicts)
    print(
        f"  {name}: recall {result.recall:.3f}, precision {result.precision:.3f}"
        f" (strict {result.strict_precision:.3f}), called harmless {result.harmless_share:.3f}; {dict(kinds)}",
        file=sys.stderr,
    )
    for title, columns in (
        ("called harmless", result.called_harmless),
        ("missed", result.missed - result.called_harmless),
        ("wrong", result.wrong),
        ("org", result.organisations),
    ):
        for verdict in verdicts:
            if verdict.column in columns:
                detector = getattr(verdict, "detector", "")
                print(
                    f"    {title}: {verdict.column} {type(verdict).__name__} {detector} {verdict.reason}",
                    file=sys.stderr,
                )
