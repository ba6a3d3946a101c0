"""`greenroom-demo start | stop`: the frame around the demo's acts.

`run` makes way for a new demo, prepares its ground, lets the acts play, and reports: whatever happens on the way,
there is a report, and exit code 0 only if all of it holds.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from greenroom.demo import repository
from greenroom.demo.command import Greenroom
from greenroom.demo.ground import Ground, choose
from greenroom.demo.report import Facts, as_json, is_ok
from greenroom.demo.show import show
from greenroom.domain.errors import GreenroomError

CHECKOUT = Path(__file__).resolve().parents[3]
REPORT = "demo-report.json"


class Progress:
    """Lines for the person who waits, each with the seconds since the beginning."""

    def __init__(self, console: Console) -> None:
        self._console, self._began = console, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        self._console.print(Text(f"{self.seconds:6.1f} s  ", style="dim").append(text, style="default"))

    def act(self, title: str) -> None:
        self._console.print(Text(f"\n{self.seconds:6.1f} s  {title}", style="bold"))


@dataclass
class Stage:
    """What the acts play on. They keep `facts` up to date, so that a demo that breaks off still reports."""

    ground: Ground
    greenroom: Greenroom
    commits: Mapping[str, str]
    progress: Progress
    facts: Facts

    def learn(self, **found: object) -> None:
        """Add to the facts."""
        self.facts = replace(self.facts, **found)  # type: ignore[arg-type]


Acts = Callable[[Stage], None]


def run(arguments: Sequence[str], acts: Acts) -> int:
    """The exit code of `greenroom-demo ARGUMENTS`: 0 all holds, 1 something does not, 2 usage, 3 it broke off."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    ground = Ground(options.directory.absolute()) if options.directory else choose(CHECKOUT, is_root=os.getuid() == 0)
    try:
        if options.command == "stop":
            return stop(ground, Progress(console))
        return start(ground, options.report.absolute(), console, acts)
    except GreenroomError as error:
        console.print(Text(str(error)))
        return error.exit_code


def start(ground: Ground, report: Path, console: Console, acts: Acts) -> int:
    """Play the acts on fresh ground and report. What runs is left running."""
    progress = Progress(console)
    progress.act("Making way")
    report.unlink(missing_ok=True)
    stop(ground, progress)
    ground.claim()
    ground.clear()
    commits = repository.make(ground.repository, runtime=f"{sys.version_info.major}.{sys.version_info.minor}")
    progress.say(f"{ground.repository} has {len(commits)} commits of a published application, I Hate Money")
    stage = Stage(ground, greenroom(ground), commits, progress, Facts(tuple(commits)))
    try:
        acts(stage)
    except GreenroomError as error:
        stage.learn(broke_off=str(error))
    except KeyboardInterrupt:
        stage.learn(broke_off="it was interrupted")
    except Exception as error:  # noqa: BLE001 - a defect of the demo is a finding too: reported below, in full
        stage.learn(broke_off=repr(error))
        console.print_exception()
    finally:
        stage.learn(seconds=progress.seconds)
        write(report, stage.facts)
    console.print()
    show(stage.facts, console)
    console.print(Text(f"Written to {report}. It is left running; make demo-stop ends it. Look around:", style="dim"))
    for line in (
        f"cd {shlex.quote(str(ground.repository))}",
        f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
        f"export GREENROOM_HOME={shlex.quote(str(ground.home))}",
        "greenroom status",
    ):
        console.print(Text(f"  {line}"), soft_wrap=True)
    return 3 if stage.facts.broke_off else 0 if is_ok(stage.facts) else 1


def stop(ground: Ground, progress: Progress) -> int:
    """End what a demo left running; its data stays until the next one. Does nothing where there was none."""
    if not (ground.exists() and ground.repository.exists()):
        progress.say("nothing of an earlier demo is here")
        return 0
    greenroom(ground).ask("down")
    progress.say("the earlier demo has ended")
    return 0


def greenroom(ground: Ground) -> Greenroom:
    """Its command line, with the demo's own home, and downloads where they are kept from one demo to the next."""
    own = {"GREENROOM_HOME": str(ground.home), "UV_CACHE_DIR": str(ground.cache / "uv")}
    return Greenroom(ground.repository, own)


def write(report: Path, facts: Facts) -> None:
    """`demo-report.json`, whole or not at all."""
    written = report.with_name(report.name + ".new")
    written.write_text(json.dumps(as_json(facts), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    written.replace(report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greenroom-demo", description="A published application through all six environments on this machine."
    )
    parser.add_argument("command", choices=("start", "stop"))
    parser.add_argument("--directory", type=Path, help="where it lives; .demo in the checkout where that can be")
    parser.add_argument("--report", type=Path, default=Path(REPORT), help=f"what it writes ({REPORT})")
    return parser
