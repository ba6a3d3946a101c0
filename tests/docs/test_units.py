"""The units that install.md shows do what it says: parsed always, and by systemd where it is."""

from __future__ import annotations

import shlex
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.docs.test_hints import found

SERVICE, TIMER = page("docs/operate/install.md").blocks("ini")


def parsed(text: str) -> RawConfigParser:
    unit = RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    return unit


def test_what_it_says_is_a_command_and_outlives_the_unit() -> None:
    """`up` is said again and again; what it started stays when it has ended: anything else would end production."""
    service, timer = parsed(SERVICE)["Service"], parsed(TIMER)["Timer"]
    program, *words = shlex.split(service["ExecStart"])
    command, _ = found(words)
    assert (Path(program).name, command.name) == ("greenroom", "up")
    assert (service["Type"], service["KillMode"]) == ("oneshot", "process")
    assert "RemainAfterExit" not in service, "the timer would find it active, and never say it again"
    assert {"OnBootSec", "OnUnitInactiveSec"} <= set(timer)


@pytest.mark.needs("systemd")
def test_systemd_takes_them(tmp_path: Path) -> None:
    """Verified as they stand, with paths that this machine has."""
    greenroom, here = Path(sys.executable).with_name("greenroom"), Path(__file__).parents[2]
    (tmp_path / "greenroom-shop.service").write_text(
        SERVICE.replace("/opt/greenroom/bin/greenroom", str(greenroom)).replace("/srv/shop", str(here))
    )
    (tmp_path / "greenroom-shop.timer").write_text(TIMER)
    units = sorted(str(p) for p in tmp_path.iterdir())
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
