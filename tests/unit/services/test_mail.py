"""Mail that is caught: who is given which address, and who may read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.roles import Role
from greenroom.domain.secret import Secret
from greenroom.ports.mail import Caught, Letter
from greenroom.services import mail
from greenroom.workflows.instances import variables
from tests.worlds import SMALL, actor, memory_app, memory_world, sealed

TEXT = SMALL.replace(
    "config:\n",
    """config:
  MAIL_SERVER: {mail: host, default: mail.example.com}
  MAIL_PORT: {mail: port, default: "25"}
  EMAIL_URL: {mail: url}
  MAIL_PASSWORD: {mail: login, secret: true, required: true}
""",
).replace("PAYMENT_TOKEN: {secret: true, ", "PAYMENT_TOKEN: {")


def given(tmp_path: Path, environment: str) -> dict[str, str]:
    world = memory_world(tmp_path, TEXT)
    release = world.release(sealed(world))
    for name in ("dev", "staging", "production"):
        world.secrets.put(name, "MAIL_PASSWORD", Secret("of-the-world"))
    found = variables(world, environment, release)
    return {k: v.reveal() if isinstance(v, Secret) else v for k, v in found.items() if "MAIL" in k}


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_before_production_mail_goes_to_the_mailbox(tmp_path: Path, environment: str) -> None:
    """Whatever the settings say, and without the login of the world."""
    found = given(tmp_path, environment)
    assert found["MAIL_SERVER"] == "127.0.0.1" and "MAIL_PASSWORD" not in found
    assert found["EMAIL_URL"] == f"smtp://127.0.0.1:{found['MAIL_PORT']}" and found["MAIL_PORT"] != "25"


def test_in_production_mail_is_real(tmp_path: Path) -> None:
    """There the settings count."""
    found = given(tmp_path, "production")
    assert found == {"MAIL_SERVER": "mail.example.com", "MAIL_PORT": "25", "MAIL_PASSWORD": "of-the-world"}


def test_reading_it(tmp_path: Path) -> None:
    """A list, one message, and an empty mailbox again."""
    world = memory_world(tmp_path, TEXT)
    app, tester = memory_app(world), actor(Role.DEVELOPER)
    caught = Caught("1.a", datetime.now(UTC), "a@example.com", ("b@example.com",), "Welcome", 10)
    world.mail.boxes["dev"] = [Letter(caught, (("Subject", "Welcome"),), "Hello", None, ())]
    assert [m["subject"] for m in mail.listed(app, tester, "dev")] == ["Welcome"]
    assert mail.shown(app, tester, "dev", "1.a")["text"] == "Hello"
    assert mail.clear(app, tester, "dev") == 1
    assert mail.listed(app, tester, "dev") == []


def test_staging_holds_the_mail_of_real_people(tmp_path: Path) -> None:
    """Developers and testers do not read it."""
    app = memory_app(memory_world(tmp_path, TEXT))
    for role in (Role.DEVELOPER, Role.TESTER, Role.CLIENT):
        with pytest.raises(Refused, match="may not read mail in staging"):
            mail.listed(app, actor(role), "staging")
    assert mail.listed(app, actor(Role.ENGINEER), "staging") == []


def test_production_has_no_mailbox(tmp_path: Path) -> None:
    """Nothing is caught there; nobody may look for it."""
    app = memory_app(memory_world(tmp_path, TEXT))
    with pytest.raises((BadInput, Refused)):
        mail.listed(app, actor(*Role), "production")


def test_a_working_tree_is_told_where_its_mail_is_caught(tmp_path: Path) -> None:
    """By who may read it there; of production there is no such place."""
    app = memory_app(memory_world(tmp_path, TEXT))
    found = mail.mailbox(app, actor(Role.DEVELOPER), "dev")
    address = app.world.mail.address("dev")
    assert found == {"environment": "dev", "host": address.host, "port": address.port}
    for who, environment in ((Role.DEVELOPER, "staging"), (Role.OPERATOR, "production")):
        with pytest.raises(Refused):
            mail.mailbox(app, actor(who), environment)
