"""A working tree is given what an environment would give it, and nothing of the developer's shell besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenroom.config.load import load
from greenroom.dev.plan import Given, Plan, plan_of
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.secret import Secret

CONFIG = """\
project: shop
processes:
  web: {command: [python, serve.py, $PORT], listen: port, stop: 3s}
  worker: {command: [python, work.py], count: 4}
migration: {style: at-start-unless, command: [python, migrate.py], switch_off: {MIGRATE: "no"}}
config:
  SECRET_KEY: {secret: true, generate: true}
  PAYMENT_TOKEN: {secret: true, required: true}
  PAGE: {default: "20"}
  NAME: {}
  MAIL_SERVER: {mail: host}
  MAIL_PORT: {mail: port}
  MAIL_PASSWORD: {mail: login, secret: true}
environments:
  dev: {config: {NAME: the shop in dev}}
  production: {config: {NAME: the shop}}
"""
SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "AWS_SECRET": "hunter22",
    "PAGE": "7",
    "DATABASE_URL": "postgresql://x",
}


def plan(tmp_path: Path, text: str = CONFIG, **more: Any) -> Plan:
    told: dict[str, Any] = {
        "set": {"PAYMENT_TOKEN": "t"}, "database": Secret("postgresql://app:word@127.0.0.1:1/app"),
        "generate": lambda name: Secret(f"random {name}"), "mail": lambda: ("127.0.0.1", 2525), "sockets": tmp_path,
        "port": 7000, "shell": SHELL,
    } | more  # fmt: skip
    return plan_of(load(text), tmp_path, Given(**told))


def test_it_is_given_what_dev_would_be_given(tmp_path: Path) -> None:
    """Values of dev, defaults, generated secrets, its clone and a mailbox: exactly these, and no login for mail."""
    web = plan(tmp_path).processes[0]
    assert web.argv == ("python", "serve.py", "7000")
    own = {k: v for k, v in web.env.items() if k not in ("PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONUNBUFFERED")}
    assert own == {
        "SECRET_KEY": "random SECRET_KEY",
        "PAYMENT_TOKEN": "t",
        "PAGE": "20",
        "NAME": "the shop in dev",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": "2525",
        "DATABASE_URL": "postgresql://app:word@127.0.0.1:1/app",
        "GREENROOM_ENVIRONMENT": "dev",
        "GREENROOM_RELEASE": "working-tree",
        "PORT": "7000",
        "MIGRATE": "no",
    }


def test_each_process_runs_once_and_only_web_is_told_where(tmp_path: Path) -> None:
    """`count` is for environments; a migration is not told to leave itself out."""
    found = plan(tmp_path)
    assert [p.name for p in found.processes] == ["web", "worker"]
    assert "PORT" not in found.processes[1].env
    assert found.migration is not None
    assert "MIGRATE" not in found.migration.env
    assert (found.web, found.dial) == ("web", "127.0.0.1:7000")


def test_programs_of_the_tree_come_first(tmp_path: Path) -> None:
    """Its virtual environment and its node modules, then the developer's."""
    for place in (".venv/bin", "node_modules/.bin", "src"):
        (tmp_path / place).mkdir(parents=True)
    env = plan(tmp_path).processes[0].env
    assert env["PATH"] == f"{tmp_path}/.venv/bin:{tmp_path}/node_modules/.bin:/usr/bin"
    assert env["PYTHONPATH"] == f"{tmp_path}:{tmp_path}/src"


def test_a_socket_is_short_and_its_own(tmp_path: Path) -> None:
    """A process that listens on a socket is told which."""
    text = CONFIG.replace("[python, serve.py, $PORT], listen: port", "[python, serve.py]")
    found = plan(tmp_path, text)
    assert found.dial == f"unix/{tmp_path}/web.sock"
    assert found.processes[0].env["GREENROOM_SOCKET"] == f"{tmp_path}/web.sock"


def test_what_is_missing_is_named_with_the_option_that_gives_it(tmp_path: Path) -> None:
    """Secrets of dev are given to nobody, so they are asked for."""
    with pytest.raises(Refused) as refused:
        plan(tmp_path, set={})
    assert (refused.value.code, refused.value.hint) == ("config.missing", "greenroom dev --set PAYMENT_TOKEN=VALUE")


def test_what_is_not_declared_is_not_given(tmp_path: Path) -> None:
    """It would work here and fail in dev."""
    with pytest.raises(Refused) as refused:
        plan(tmp_path, set={"PAYMENT_TOKEN": "t", "SURPRISE": "1"})
    assert refused.value.code == "config.undeclared"


def test_a_command_with_an_unknown_variable_is_told(tmp_path: Path) -> None:
    """As an environment would."""
    with pytest.raises(BadInput) as bad:
        plan(tmp_path, CONFIG.replace("work.py", "$NOWHERE"))
    assert bad.value.code == "command.unknown_variable"


def test_without_mail_nobody_is_asked_for_a_mailbox(tmp_path: Path) -> None:
    """Nor when the developer says where mail goes."""

    def nobody() -> tuple[str, int]:
        raise AssertionError("asked")

    lines = [line for line in CONFIG.splitlines() if "MAIL_" not in line]
    plan(tmp_path, "\n".join(lines), mail=nobody)
    given = {"PAYMENT_TOKEN": "t", "MAIL_SERVER": "mine", "MAIL_PORT": "25"}
    assert plan(tmp_path, set=given, mail=nobody).processes[0].env["MAIL_SERVER"] == "mine"
