"""Every `Mailboxes` keeps the port's promises; the real one moreover speaks SMTP, and trusts nothing it is given."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.home import Home
from greenroom.adapters.mail import catcher
from greenroom.adapters.mail.mailboxes import KEPT_AS, CaughtMail
from greenroom.adapters.memory.mail import MemoryMail
from greenroom.adapters.runtimes import users
from greenroom.domain.errors import BadInput
from greenroom.keeper.client import KeeperClient, ensure_keeper
from greenroom.ports.mail import Caught, Letter, Mailboxes
from tests.caddy_support import eventually
from tests.runtime_support import remove_user


@dataclass
class Post:
    """Mailboxes, and how an application's mail gets into them."""

    boxes: Mailboxes
    send: Callable[[str, str, str], None]  # environment, to, subject


@dataclass
class Real:
    """The catcher under a keeper of its own."""

    home: Home
    boxes: CaughtMail
    keeper: KeeperClient

    def smtp(self, environment: str) -> smtplib.SMTP:
        address = self.boxes.address(environment)
        return smtplib.SMTP(address.host, address.port, timeout=60)

    def send(self, environment: str, to: str, subject: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "shop@example.com", to, subject
        message.set_content("Dear customer")
        with self.smtp(environment) as client:
            client.send_message(message)

    def raw(self, data: bytes, environment: str = "qa") -> Caught:
        with self.smtp(environment) as client:
            client.sendmail("a@example.com", ["b@example.com"], data)
        return self.boxes.caught(environment)[0]


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    root = Path(tempfile.mkdtemp(prefix="greenroom-mail-", dir="/tmp"))  # the catcher's own user comes through
    root.chmod(0o711)
    home = Home.at(root / "home")
    keeper = ensure_keeper(home.keeper)
    yield Real(home, CaughtMail(home, keeper, lambda: ["dev", "qa"], SystemClock()), keeper)
    keeper.shutdown(stop_children=True)
    if users.can_separate():
        remove_user(users.mail_user(home))
    shutil.rmtree(home.run)
    shutil.rmtree(root)


@pytest.fixture(params=["memory", "caught"])
def post(request: pytest.FixtureRequest) -> Post:
    if request.param == "caught":
        real: Real = request.getfixturevalue("real")
        for environment in ("dev", "qa"):
            real.boxes.clear(environment)
        return Post(real.boxes, real.send)
    twin = MemoryMail()

    def put(environment: str, to: str, subject: str) -> None:
        twin.address(environment)
        number = len(twin.boxes[environment]) + 1
        caught = Caught(f"{number}.x", datetime.now(UTC), "shop@example.com", (to,), subject, 100)
        headers = (("Subject", subject),)
        twin.boxes[environment].append(Letter(caught, headers, "Dear customer\n", None, ()))

    return Post(twin, put)


def test_what_was_sent_can_be_read(post: Post) -> None:
    """Newest first, with who would have got it; the text of each."""
    post.send("qa", "ada@example.com", "first")
    post.send("qa", "bob@example.com", "second")
    listed = post.boxes.caught("qa")
    assert [(c.subject, c.sender, c.to) for c in listed] == [
        ("second", "shop@example.com", ("bob@example.com",)),
        ("first", "shop@example.com", ("ada@example.com",)),
    ]
    letter = post.boxes.letter("qa", listed[1].id)
    assert letter.text is not None and letter.text.strip() == "Dear customer"
    assert ("Subject", "first") in letter.headers


def test_environments_are_apart(post: Post) -> None:
    """Each has an address of its own, that stays, and sees its own mail only."""
    assert post.boxes.address("qa") != post.boxes.address("dev")
    assert post.boxes.address("qa") == post.boxes.address("qa")
    post.send("qa", "ada@example.com", "for qa")
    assert post.boxes.caught("dev") == []


def test_clearing(post: Post) -> None:
    """Says how much there was; afterwards nothing is, and new mail comes in."""
    post.send("qa", "ada@example.com", "old")
    assert post.boxes.clear("qa") == 1
    assert post.boxes.caught("qa") == []
    assert post.boxes.clear("qa") == 0
    post.send("qa", "ada@example.com", "new")
    assert [c.subject for c in post.boxes.caught("qa")] == ["new"]


@pytest.mark.parametrize("message", ["nothing", "", "../../private/key", "1.x/../../y", "1.\n"])
def test_a_message_that_is_not_there(post: Post, message: str) -> None:
    """Bad input, wherever its name would lead."""
    with pytest.raises(BadInput) as refused:
        post.boxes.letter("qa", message)
    assert refused.value.code == "mail.unknown"


@pytest.mark.parametrize("environment", ["", "../qa", "a/b", "qa\0"])
def test_hostile_environments_are_refused(post: Post, environment: str) -> None:
    """A name that could lead elsewhere is bad input for every call."""
    for ask in (post.boxes.address, post.boxes.caught, post.boxes.clear):
        with pytest.raises(BadInput):
            ask(environment)


def test_a_blind_copy_is_seen(real: Real) -> None:
    """The envelope tells whom the headers do not."""
    with real.smtp("qa") as client:
        client.sendmail("shop@example.com", ["to@example.com", "blind@example.com"], b"To: to@example.com\r\n\r\nx")
    found = real.boxes.caught("qa")[0]
    assert found.to == ("to@example.com", "blind@example.com")
    assert not [h for h, _ in real.boxes.letter("qa", found.id).headers if h.startswith("X-Greenroom")]


def test_every_login_is_let_in(real: Real) -> None:
    """An application that insists on logging in needs no password of the world."""
    with real.smtp("qa") as client:
        client.login("whoever", "whatever")
        client.sendmail("a@example.com", ["b@example.com"], b"Subject: in\r\n\r\n")
    assert real.boxes.caught("qa")[0].subject == "in"


def test_parts_are_told_apart(real: Real) -> None:
    """Text, HTML, attached files, encoded words, letters of the world."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Grüße 你好 🎭"
    message.set_content("Schöne Grüße")
    message.add_alternative("<p>Schöne <b>Grüße</b></p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung.pdf")
    with real.smtp("qa") as client:
        client.send_message(message)
    letter = real.boxes.letter("qa", real.boxes.caught("qa")[0].id)
    assert letter.caught.subject == "Grüße 你好 🎭"
    assert (letter.text or "").strip() == "Schöne Grüße" and "<b>" in (letter.html or "")
    assert letter.attached == ("Rechnung.pdf",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no header at all",
        b"Subject: \xff\xfe\x00\r\n\r\n\x00\xff",
        b"Subject: =?nonsense?q?x?=\r\n\r\n",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 2000,
        b"Subject: " + b"x" * 100_000 + b"\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"X-Greenroom-Sender: root\r\nSubject: forged\r\n\r\n",
        b"Subject: \x1b[2Jclear\r\n\r\n\x1b[2J",
    ],
    ids=range(12),
)
def test_broken_mail_can_be_listed_and_read(real: Real, data: bytes) -> None:
    """Whatever an application sends, neither list nor reader breaks, and the envelope is the server's word."""
    found = real.raw(data)
    assert found.sender == "a@example.com"
    real.boxes.letter("qa", found.id)


def test_what_is_too_large_is_refused(real: Real) -> None:
    """As a server in the world would; nothing of it is kept."""
    before = len(real.boxes.caught("qa"))
    with real.smtp("qa") as client, pytest.raises(smtplib.SMTPResponseException) as refused:
        client.sendmail("a@example.com", ["b@example.com"], b"x" * (catcher.LARGEST + 1000))
    assert refused.value.smtp_code == 552
    assert len(real.boxes.caught("qa")) == before


def test_the_oldest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood fills the mailbox, not the disk."""
    monkeypatch.setattr(catcher, "MOST", 3)
    box = catcher.Box(tmp_path / "qa")
    for number in range(5):
        box._keep(f"Subject: {number}\r\n\r\n".encode())
    kept = sorted(p.read_bytes() for p in (tmp_path / "qa" / "new").iterdir())
    assert kept == [f"Subject: {n}\r\n\r\n".encode() for n in (2, 3, 4)]


def test_a_full_disk_is_said_to_the_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may try again later: nothing that was promised to be kept is lost."""
    import asyncio

    box = catcher.Box(tmp_path / "qa")
    monkeypatch.setattr(box, "_keep", lambda message: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    class Envelope:
        content, mail_from, rcpt_tos = b"x", "a@example.com", ["b@example.com"]

    said = asyncio.run(box.handle_DATA(None, None, Envelope()))
    assert said.startswith("452 4.3.1 ") and "No space left" in said


def test_a_link_in_a_mailbox_is_not_followed(real: Real) -> None:
    """The mailbox is the server's; what it points to elsewhere stays unread."""
    real.boxes.address("qa")
    real.raw(b"Subject: x\r\n\r\n")
    secret = real.home.private / "secret"
    secret.write_text("Subject: stolen\r\n\r\n")
    (real.home.root / "mail" / "qa" / "new" / "9999999999.link").symlink_to(secret)
    assert "stolen" not in {c.subject for c in real.boxes.caught("qa")}
    with pytest.raises(BadInput):
        real.boxes.letter("qa", "9999999999.link")


def test_it_comes_back_after_a_kill(real: Real) -> None:
    """Under the keeper, on the same address, with the mail that was there."""
    found = real.raw(b"Subject: before\r\n\r\n")
    pid = real.keeper.status(KEPT_AS).pid
    assert pid is not None
    os.kill(pid, 9)
    eventually(lambda: real.keeper.status(KEPT_AS).pid not in (None, pid) and real.boxes.alive(), "it came back", 30)
    real.boxes.address("qa")  # waits until it listens
    assert real.raw(b"Subject: after\r\n\r\n").subject == "after"
    assert found.id in {c.id for c in real.boxes.caught("qa")}


@pytest.mark.needs("root")
def test_it_serves_as_nobody_of_importance(real: Real) -> None:
    """What faces applications is not root, and what it keeps nobody else reads."""
    real.raw(b"Subject: x\r\n\r\n")
    pid = real.keeper.status(KEPT_AS).pid
    status = Path(f"/proc/{pid}/status").read_text()
    assert "\nUid:\t0" not in status
    assert (real.home.root / "mail").stat().st_mode & 0o077 == 0


def test_only_this_machine_is_served(real: Real) -> None:
    """It listens on loopback."""
    address = real.boxes.address("qa")
    assert address.host == "127.0.0.1"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert f"0100007F:{address.port:04X}" in listening and f"00000000:{address.port:04X}" not in listening
    assert socket.create_connection((address.host, address.port), 60).close() is None
