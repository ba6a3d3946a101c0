"""The reference of the plans: every step of every kind of work, from `domain.plan` and the steps' docstrings.

How a step is undone and what limits its time stand here in words; a test holds `UNDO` and `LIMITS` to the steps there
are, and "nothing" to steps whose `undo` does nothing.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from pathlib import Path

from greenroom.domain.plan import PLANS, WorkKind
from greenroom.workflows.procedure import procedure
from greenroom.workflows.step import Step

ROOT = Path(__file__).resolve().parents[2]
NOTHING = "nothing"
NEVER = "never: it is tried again until it is done, and after five failures a person looks"

UNDO: dict[str, str] = {
    "FetchStep": "the work's directories are removed",
    "BuildStep": "the work's directories are removed",
    "CleanRoomStep": "the work's directories are removed",
    "SealStep": "the work's directories are removed; a sealed image that no release names is collected later",
    "RestorePointStep": "visitors who were held go on to the release that was there; the promotion's failure becomes"
    " evidence; the restore point stays until newer ones push it out",
    "PrepareStep": NOTHING + ": nothing runs yet",
    "MigrateStep": "nothing where the schema is as it was; by the restore point where visitors were held since; by the"
    " declared down-migration; else the schema stays and the older release lives on it",
    "RevertStep": "nothing for `as-is`; the newer release's migration for `--down`; the database kept aside for"
    " `--restore`; once visitors were sent to the older release, a person decides",
    "StartStep": "what was started is drained and stopped",
    "CheckStep": "the preview address shows nothing again",
    "SwitchStep": "visitors go back to the older release, which still runs; where it cannot live on the new schema, a"
    " person decides",
    "BakeStep": NOTHING + ": the undo of `switch` is what sends visitors back",
    "RetireStep": NEVER,
    "RecordStep": NEVER,
    "ProtectStep": NOTHING + ": the log flows on, which does no harm",
    "TakeStep": NOTHING + ": a backup that has no record is none, and the next one removes what was left",
    "CopyStep": NOTHING + ": what was sent is a backup too",
    "ExpireStep": NOTHING + ": what nothing needed is gone",
    "HoldStep": "the application is started again on what is there, and visitors go on",
    "RebuildStep": "what was laid out beside the present cluster is removed",
    "ExchangeStep": "the cluster that was kept aside is in place again, running",
    "OpenStep": "visitors wait again and the application stops, so that the cluster can be exchanged back",
    "ConcludeStep": NEVER,
    "DrillStep": "what was laid out is removed",
    "VerifyStep": NOTHING + ": it only reads",
    "FillVaultStep": "what was laid out in the vault is removed",
    "DiscoverStep": NOTHING + ": it only reads",
    "MaskStep": "the dataset in the making is removed",
    "ExamineStep": NOTHING + ": it only reads",
    "PublishStep": NEVER,
    "GatherStep": "what was laid out beside the present database is removed",
    "ReadyStep": "the release that was tried on it ends",
    "PauseStep": "the application is started again on what is there, and visitors go on",
    "SwapStep": "the cluster that was kept aside is in place again, running",
    "RecordRefreshStep": NEVER,
    "RunChecksStep": NOTHING + ": a check leaves evidence, and evidence stays",
}

LIMITS: dict[str, str] = {
    "FetchStep": "git 2 minutes, packages 15 minutes",
    "BuildStep": "`release.timeout` for each build command",
    "CleanRoomStep": "`migration.timeout`, then `health.boot`",
    "SealStep": "none; it only writes",
    "RestorePointStep": "`drain` where visitors are held",
    "PrepareStep": "none; a new database cluster has 5 minutes to start",
    "MigrateStep": "1 minute for another migration to end, then `migration.timeout`",
    "RevertStep": "`migration.timeout` for a down-migration; none for a restore",
    "StartStep": "none; it asks the keeper",
    "CheckStep": "`health.boot`, then each check's `timeout`",
    "SwitchStep": "under a second, after each canary share was held for `canary.hold`",
    "BakeStep": "`bake.for`",
    "RetireStep": "`drain`, then each process's `stop`",
    "RecordStep": "none; it only writes",
    "ProtectStep": "20 seconds for the receiver to start",
    "TakeStep": "none; 10 seconds for the restore point to reach the archive",
    "CopyStep": "none; 60 seconds for each request to the store",
    "ExpireStep": "none; it only removes",
    "HoldStep": "`drain`, then each process's `stop`; 10 seconds for the restore point",
    "RebuildStep": "24 hours for replaying the log",
    "ExchangeStep": "5 minutes for the database to start",
    "OpenStep": "`health.boot`",
    "ConcludeStep": "none; it only writes",
    "DrillStep": "24 hours for replaying the log; a minute for counting",
    "VerifyStep": "none; it reads everything",
    "FillVaultStep": "24 hours for replaying the log",
    "DiscoverStep": "10 seconds for each statement",
    "MaskStep": "none; it says how far it is",
    "ExamineStep": "none; it says how far it is",
    "PublishStep": "none; it only writes",
    "GatherStep": "24 hours for replaying the log or copying the files",
    "ReadyStep": "`migration.timeout`, then `health.boot`, then each journey's `timeout`",
    "PauseStep": "`drain`, then each process's `stop`",
    "SwapStep": "5 minutes for the database to start",
    "RecordRefreshStep": "none; it only writes",
    "RunChecksStep": "each check's `timeout`",
}

ABOUT = {
    WorkKind.RELEASE: "`greenroom release`: from a commit to a sealed release.",
    WorkKind.PROMOTION: "`greenroom promote`: a sealed release enters an environment. The same plan everywhere; in"
    " packaging, where nothing runs, the steps that need something running find nothing to do.",
    WorkKind.ROLLBACK: "`greenroom rollback` after the bake: an older release comes back. (During the bake there is no"
    " plan of its own: the promotion is cancelled and undone.)",
    WorkKind.CHECK: "`greenroom check run`: the checks of an environment, against what its visitors reach now.",
    WorkKind.BACKUP: "`greenroom backup now`, and by itself when one is due. It holds no environment: promotions and"
    " ways back do not wait for it.",
    WorkKind.RESTORE: "`greenroom backup restore`: a state of an environment's database comes back, and the application"
    " on it.",
    WorkKind.DRILL: "`greenroom backup drill`, and by itself when one is due: a restore for practice. It holds no"
    " environment.",
    WorkKind.VERIFY: "`greenroom backup verify`: every byte of the backups is read. It holds no environment.",
    WorkKind.DISCOVERY: "`greenroom data discover`: a backup of production is rebuilt in the vault, and its columns are"
    " looked at there. It holds no environment.",
    WorkKind.DATASET: "`greenroom data make`: a backup of production is rebuilt in the vault, copied out of it masked,"
    " and checked for leaks. It holds no environment, and production is not read.",
    WorkKind.REFRESH: "`greenroom data refresh`: an environment's database is filled anew. The new one is made ready"
    " beside the present one and proven with the release that runs there; visitors wait for the exchange alone.",
}

INTRODUCTION = """\
<!-- Generated by scripts/generate_docs.py from src/greenroom/domain/plan.py and the steps; do not edit. -->

# Plans and their steps

A *plan* is the ordered list of steps of one piece of work. It is written into the work's row when the work is asked
for and does not change afterwards. A Greenroom that meets a step name it does not know moves the work to *attention*;
it guesses nothing.

- A step happens **at least once**: after a crash it is done again, so doing it twice does no harm.
- A step that was **refused** is not tried again: the work is undone, from this very step backwards, because the step
  may be half done. A step that **errored** is tried three times, with longer and longer pauses, then undone.
- An **undo** that fails is tried five times; then the work stands in *attention*, and its environment stays locked.
- `greenroom cancel` is looked at between steps. From `retire` on it is refused: going back is then a rollback.
- Seconds of every try stand in the work's history: `greenroom work show WORK`.

Names in `code style` under *time limit* are keys of [greenroom.yaml](configuration.md). The states a piece of work can
be in have [a page of their own](states.md).
"""


def plan_page() -> str:
    """`docs/reference/plan.md`."""
    steps = procedure()
    parts = [INTRODUCTION]
    for kind, plan in PLANS.items():
        parts.append(f"## {kind.value}\n\n{ABOUT[kind]}\n\n```\n{' → '.join(plan.steps)}\n```\n")
        parts.append("| step | undone by | time limit |\n|---|---|---|")
        for name in plan.steps:
            step = type(steps[kind, name]).__name__
            parts.append(f"| [`{name}`](#{_anchor(kind, name)}) | {UNDO[step]} | {LIMITS[step]} |")
        parts.append("")
    parts.append("## Each step\n")
    described: set[str] = set()
    for (kind, name), step in ((at, s) for at, s in steps.items() if type(s).__name__ not in described):
        described.add(type(step).__name__)
        parts.append(_section(kind, name, step))
    return "\n".join(parts)


def does_nothing(step: Step) -> bool:
    """True if the step's `undo` is nothing but `return Done()`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(type(step).undo)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    return len(body) == 1 and ast.unparse(body[0]) == "return Done()"


def _anchor(kind: WorkKind, name: str) -> str:
    return "the-check-as-work-of-its-own" if kind is WorkKind.CHECK else name


def _section(kind: WorkKind, name: str, step: Step) -> str:
    module = sys.modules[type(step).__module__]
    path = Path(inspect.getsourcefile(type(step)) or "").resolve().relative_to(ROOT)
    first = (inspect.getdoc(module) or "").splitlines()[0]
    said = inspect.getdoc(type(step)) or ""
    shared = first.startswith(f"{name}:")
    lead = f"**{first[len(name) + 1 :].strip()[:1].upper()}{first[len(name) + 1 :].strip()[1:]}**\n\n" if shared else ""
    heading = "The check as work of its own" if kind is WorkKind.CHECK else f"`{name}`"
    return f"### {heading}\n\n{lead}{said}\n\nIn [{path.name}](../../{path}).\n"


PAGES = {"docs/reference/plan.md": plan_page}
