"""An application that would like to talk to the world: in dev it may not, and people see that it tried."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from greenroom.adapters.egress.ruleset import table_of
from tests.conftest import SBIN
from tests.life_support import CONFIG, SERVE, Life, kill_everything, living, wait_until
from tests.outside import Outside, outside

TRIES = """\
import http.client, socket, time

def tried(*places):
    for address, port in places:
        try:
            socket.create_connection((address, port), 5).close()
            print("reached", address, port, flush=True)
        except OSError as error:
            print("could not reach", address, port, error.strerror, flush=True)
"""
REMIND = (
    "#!/usr/bin/env python3\n"
    + TRIES
    + 'tried(("{four}", 9002))\nprint("reminding VERSION", flush=True)\ntime.sleep(3600)\n'
)
WITH_REMINDERS = CONFIG.replace("stop: 3s}}\n", 'stop: 3s}}\n  reminders: {{command: "./remind", outside: true}}\n')


@dataclass
class Trying:
    life: Life
    world: Outside

    def egress(self, *words: str) -> str:
        told = self.life.run("egress", *words)
        assert told.returncode == 0, told.stderr
        return told.stdout

    def log(self, process: str) -> str:
        return self.life.run("logs", "dev", "--process", process, "--lines", "200").stdout


@pytest.fixture(scope="module")
def trying() -> Iterator[Trying]:
    """1.0 is in dev, under the default: nothing beyond its own on this machine."""
    with outside() as world, living(config=WITH_REMINDERS) as life:
        api, dev = life.ports["api"], life.ports["dev"]
        wanted = [(world.address, 9001), (world.address6, 9001), ("127.0.0.1", api), ("127.0.0.1", dev)]
        places = f"tried(*{wanted})\n"
        life.files = {
            "serve": SERVE.replace("Server(os", TRIES + places + "Server(os"),
            "remind": REMIND.replace("{four}", world.address),
        }
        life.commit("1.0")
        life.up()
        life.release("1.0")
        yield Trying(life, world)


@pytest.mark.needs("nft")
def test_what_an_application_may_not_is_seen(trying: Trying) -> None:
    """Nothing reached the world, the program heard so at once, and where it wanted to go is named with its release; its
    own address is open to it, the control plane is not."""
    said = trying.log("web")
    for place in (
        f"{trying.world.address} 9001",
        f"{trying.world.address6} 9001",
        f"127.0.0.1 {trying.life.ports['api']}",
    ):
        assert f"could not reach {place} Connection refused" in said
    assert f"reached 127.0.0.1 {trying.life.ports['dev']}" in said
    assert trying.world.reached == []
    wait_until(lambda: f"{trying.world.address}:9001/tcp" in trying.egress("dev"))
    wait_until(lambda: all(r["releases"] for r in json.loads(trying.egress("dev", "--json"))["refused"]))
    told = json.loads(trying.egress("dev", "--json"))
    row = next(r for r in told["refused"] if r["address"] == trying.world.address)
    digest = trying.life.api("status")["environments"][0]["release"]["short"]
    assert row["count"] == 1 and row["releases"] == [digest]
    assert told["limited"] and told["allow"] == []
    assert "nothing but its own on this machine" in trying.egress()
    said = trying.life.run("doctor").stdout
    assert "outgoing network of dev is limited" in " ".join(said.split())


@pytest.mark.needs("nft")
def test_what_died_with_everything_starts_behind_the_rules(trying: Trying) -> None:
    """Control plane, keeper and application were killed, and the rules are gone: `up` starts the application once they
    stand again. What it tries at its start reaches nobody."""
    life = trying.life
    web = next(s.pid for s in life.keeper.all() if s.name.startswith("app/dev.web."))
    kill_everything(life, web)
    table = table_of(life.home.root)
    subprocess.run(["nft", "delete", "table", "inet", table], check=True, env={"PATH": SBIN})
    trying.world.reached.clear()
    life.up()
    wait_until(lambda: life.visit() == "1.0")
    assert next(s.pid for s in life.keeper.all() if s.name.startswith("app/dev.web.")) != web
    assert table in _tables()
    assert trying.world.reached == []


@pytest.mark.needs("nft")
def test_what_reaches_people_is_not_started(trying: Trying) -> None:
    """A process that is `outside` rests where side effects are caught, status says so, and all is healthy."""
    assert "not started here: reminders" in trying.life.run("status").stdout
    assert trying.log("reminders") == ""
    trying.life.must_be_healthy()


@pytest.mark.needs("nft")
def test_a_configuration_opens_and_starts(trying: Trying) -> None:
    """Applied, an allow-list holds at once; a process that is named runs from the next release on, and reaches what is
    allowed, and nothing else."""
    life = trying.life
    life.more = f"    egress: {{allow: ['{trying.world.address}:9002']}}\n    outside: [reminders]"
    life.release("2.0")
    wait_until(lambda: "reminding 2.0" in trying.log("reminders"))
    assert f"reached {trying.world.address} 9002" in trying.log("reminders")
    assert {r[2] for r in trying.world.reached} == {9002}
    assert "not started" not in life.run("status").stdout
    assert f"{trying.world.address}:9002" in trying.egress()


@pytest.mark.needs("nft")
def test_down_leaves_no_rule(trying: Trying) -> None:
    """With everything else the rules go; up again, they are there before anything starts."""
    table = table_of(trying.life.home.root)
    assert table in _tables()
    trying.life.down(applications=False)
    assert table in _tables()
    trying.life.down()
    assert table not in _tables()
    trying.life.up()
    wait_until(lambda: trying.life.visit() == "2.0")
    assert table in _tables()


def _tables() -> str:
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, env={"PATH": SBIN}).stdout
