"""The demo's act about data: production is brought back for practice, staging holds it, qa and dev hold nobody."""

from __future__ import annotations

import time
from collections.abc import Sequence

from greenroom.demo import people
from greenroom.demo.command import Greenroom
from greenroom.demo.main import Stage
from greenroom.demo.people import Household
from greenroom.demo.report import DataFacts

MASKED = ("qa", "dev")
CLONE = "demo"


def data_act(stage: Stage, owner: Greenroom, urls: dict[str, str], households: Sequence[Household]) -> None:
    """A drill, staging's refresh, a masked dataset, qa and dev filled from it, a clone."""
    say = stage.progress.say
    stage.progress.act("Production's data: practised, copied, masked")
    drill = owner.ask("backup", "drill", "production")["facts"]["drill"]
    say(f"production's backup was brought back in {drill['rto_seconds']} s, {drill['tables']} tables compared")
    owner.ask("data", "refresh", "staging", "--yes")
    lost = [what for household in households for what in people.found_missing(urls["staging"], household)]
    people.add_bill(urls["staging"], households[0])
    say("staging holds what people wrote in production, and somebody edits it there" if not lost else "; ".join(lost))
    owner.ask("data", "make")
    dataset = owner.ask("data", "list")["datasets"][0]
    say(f"{dataset['name']}: {dataset['rows']} rows, {dataset['masked_columns']} columns masked, checked for leaks")
    known: list[str] = []
    for environment in MASKED:
        owner.ask("data", "refresh", environment, "--yes")
        known += [f"{h.id} opens in {environment}" for h in households if people.can_enter(urls[environment], h)]
    say("qa and dev hold as much, and nobody of production" if not known else "; ".join(known))
    began = time.monotonic()
    owner.ask("clone", "--name", CLONE)
    clone_seconds = time.monotonic() - began
    say(f"a database of one's own, masked: {clone_seconds:.2f} s")
    stage.learn(
        data=DataFacts(
            refreshes=1 + len(MASKED),
            masked_columns=dataset["masked_columns"],
            leaks=len(dataset["report"].get("leaks", ())),
            clone_seconds=clone_seconds,
            rpo_seconds=drill["rpo_seconds"],
            rto_seconds=drill["rto_seconds"],
            lost=tuple(lost),
            known=tuple(known),
        )
    )
