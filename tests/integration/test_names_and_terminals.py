"""What a program, a commit, a branch or a person's words hold never repaints a terminal, whatever command shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greenroom.cli.main import main
from greenroom.domain.roles import Role
from greenroom.services import accounts, judgements, promotions
from tests.plane import Plane, running_plane
from tests.worlds import actor, placed, sealed

EVIL = "<b>\x1b[31mred\x1b]0;t\x07\x9b1m\x9d0;x\x9c\u202egnp.exe\u2066\x00\x7f\x08\r'; DROP TABLE work; --$(id)`id`</b>"
SHOWN = re.compile(r"\x1b\[[0-9;]*m")
"""Colours, which Greenroom puts there itself."""

MANAGER, ENGINEER = actor(Role.MANAGER), actor(Role.ENGINEER)
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-11-24T02:30"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Everywhere where somebody else's words are kept, they are evil."""
    with running_plane(tmp_path_factory.mktemp("plane")) as made:
        made.old, made.new = sealed(made.world, "1.0"), sealed(made.world, "2.0")
        for name in ("dev", "qa", "packaging", "uat", "staging", "production"):
            placed(made.world, made.old, name, ago=7200)
        for name in ("dev", "qa", "packaging", "uat", "staging"):
            placed(made.world, made.new, name, ago=3600)
        app, world = made.app, made.world
        world.runtime.will_finish(("python", "journey.py"), 1, f"{EVIL}\n{EVIL}")
        judgements.approve(app, MANAGER, made.new, "production", note=EVIL)
        judgements.override(app, MANAGER, "freeze", made.new, "qa", reason=EVIL, seconds=3600)
        work = promotions.schedule(app, ENGINEER, made.new, "production", NEXT_YEAR, "UTC").work
        assert work is not None
        promotions.cancel(app, ENGINEER, work.id, EVIL)
        judgements.run_checks(app, ENGINEER, made.new, "qa", ["journey"])
        for env in ("production", "qa"):
            judgements.freeze(app, MANAGER, env, reason=EVIL)
        world.progress.say(work.id, "check", EVIL)
        with world.store.database.transaction() as tx:
            row = {"id": made.old, "project": EVIL, "version": EVIL, "git_commit": EVIL, "made_by": EVIL}
            world.store.recorder.record(tx, EVIL, "release.sealed", release=row)
            about = {"about": {"reason": EVIL, EVIL: EVIL, "list": [EVIL]}}
            world.store.recorder.append(tx, EVIL, EVIL, about)
        for env in ("qa", "production"):
            logs = world.runtime.prepare(env).logs
            logs.mkdir(parents=True)
            (logs / f"{env}.web.0.000000000001.log").write_text(f"{EVIL}\n")
        yield made


@pytest.fixture(autouse=True)
def _at_home(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GREENROOM_URL", "GREENROOM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GREENROOM_HOME", str(plane.home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


COMMANDS = """status|why 2.0 production|why 2.0 qa|release list|release show 1.0|release show 2.0|release documents 2.0
work list|ledger show|ledger export|ledger verify|account list|whoami|secret list qa|doctor|logs qa|logs production
promote 2.0 qa --dry-run|rollback production --dry-run|restore-point list production|promote 2.0 qa|why EVIL production
why 2.0 EVIL|logs EVIL|work show EVIL|rollback EVIL|release make EVIL|freeze EVIL --reason x|secret set EVIL EVIL
status EVIL|account add EVIL --role EVIL|check run 2.0 qa EVIL|cancel EVIL|evidence revoke EVIL --reason x|EVIL
approve EVIL production|schedule 2.0 qa --at EVIL --timezone EVIL|override EVIL 2.0 qa --reason EVIL --for 1h
rollback production --restore EVIL|apply --file EVIL|approval withdraw EVIL|thaw EVIL
override soak 2.0 production --reason EVIL --for EVIL"""


@pytest.mark.parametrize("machine", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("words", COMMANDS.replace("\n", "|").split("|"))
def test_nothing_repaints_the_terminal(
    plane: Plane, words: str, machine: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the answer nor the error holds a control character but Greenroom's own colours; JSON stays JSON."""
    arguments = [EVIL.replace("\x00", "") if w == "EVIL" else w for w in words.split()]
    main([*arguments, *(["--json"] if machine else [])])
    for stream in capfd.readouterr():
        left = SHOWN.sub("", stream)
        bad = {c for c in left if not (c.isprintable() or c in "\n\t") and not "\ue000" <= c <= "\uf8ff"}
        assert not bad, (words, bad)
        if machine and stream.startswith(("{", "[")) and "export" not in words:
            json.loads(stream)


def test_every_work_is_shown_safely(plane: Plane, capfd: pytest.CaptureFixture[str]) -> None:
    """In full, with errors and what programs said."""
    with plane.world.store.database.reading() as tx:
        works = plane.world.store.works.find(tx)
    assert len(works) > 6
    for work in works:
        main(["work", "show", work.id])
        main(["work", "show", work.id, "--json"])
    out, err = capfd.readouterr()
    assert not {c for c in SHOWN.sub("", out + err) if not (c.isprintable() or c in "\n\t")}


@pytest.mark.parametrize(
    "name", ["mia\x1b[31m", "mia'--", "<b>mia</b>", "../mia", "mia\u202e", "MIA", "mia ", "", "m" * 33, "xn--mia"]
)
def test_a_name_that_is_none_is_refused(plane: Plane, name: str) -> None:
    """Accounts are named like everything that becomes a path, a host or a line in the ledger."""
    from greenroom.domain.errors import BadInput

    with pytest.raises(BadInput) as refused:
        accounts.add(plane.app, actor(Role.ADMINISTRATOR, name="root"), name, ["client"])
    assert refused.value.code == "name.invalid"


def test_sql_in_words_stays_words(plane: Plane) -> None:
    """After all of it every table is there and the ledger tells what the tables say."""
    from greenroom.services import record_keeping

    assert record_keeping.verify(plane.app, MANAGER)["problems"] == []
