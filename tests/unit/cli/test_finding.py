"""Which home, which control plane, which token; and to whom a token is sent."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from greenroom import lifecycle
from greenroom.cli import address, credentials, where
from greenroom.domain.errors import GreenroomError


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GREENROOM_URL", "GREENROOM_TOKEN", "GREENROOM_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def home_with_token(root: Path, token: str = "gr_home") -> Path:
    (root / "private").mkdir(parents=True)
    path = root / "private" / "api.json"
    path.touch(0o600)
    path.write_text(json.dumps({"url": "http://127.0.0.1:7480", "token": token}))
    return root


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("project: shop\n", "shop"),
        ("# about\n\nproject:   my-shop2  # ours\ntemplate: full\n", "my-shop2"),
        ('project: "shop"\n', "shop"),
        ("project: 'shop'\r\n", "shop"),
        ("\ufeffproject: shop\n", "shop"),
        ("project: ../../etc\n", None),
        ("project: Shop\n", None),
        ("project: shop-\n", None),
        ("other:\n  project: shop\n", None),
        ("", None),
        ("project: " + "a" * 33, None),
    ],
)
def test_the_project_is_named_by_one_line(tmp_path: Path, text: str, name: str | None) -> None:
    """Only a valid name leads anywhere: it becomes a directory."""
    (tmp_path / "greenroom.yaml").write_text(text)
    assert where.project_of(str(tmp_path)) == name


def test_the_home_is_said_or_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--home, then GREENROOM_HOME, then the project of the nearest greenroom.yaml above."""
    assert where.home() is None
    inner = tmp_path / "shop" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "shop" / "greenroom.yaml").write_text("project: shop\n")
    monkeypatch.chdir(inner)
    assert where.home() == where.default_home("shop")
    monkeypatch.setenv("GREENROOM_HOME", str(tmp_path / "env"))
    assert where.home() == str(tmp_path / "env")
    assert where.home("given") == str(inner / "given")


def test_the_quick_way_and_the_full_one_agree_on_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two functions say where a home is, because one must import nothing; they say the same."""
    for uid in (0, 1000):
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        for state in (None, "/somewhere/state"):
            monkeypatch.setenv("XDG_STATE_HOME", state) if state else monkeypatch.delenv(
                "XDG_STATE_HOME", raising=False
            )
            assert where.default_home("shop") == str(lifecycle.default_home("shop"))


def test_credentials_come_from_the_nearest_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment; the home that was named; the login; the home of the project here."""
    home = home_with_token(tmp_path / "home")
    assert credentials.find(str(home)).token == "gr_home"
    path = credentials.keep("https://other:1", "gr_login")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert credentials.find().token == "gr_login"
    assert credentials.find(str(home)).token == "gr_home"
    monkeypatch.setenv("GREENROOM_HOME", str(home))
    assert credentials.find().token == "gr_home"
    monkeypatch.setenv("GREENROOM_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GREENROOM_TOKEN", "gr_env")
    assert credentials.find(str(home)).token == "gr_env"


@pytest.mark.parametrize("name", ["GREENROOM_URL", "GREENROOM_TOKEN"])
def test_half_a_credential_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A token without its address would go to another control plane."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(GreenroomError) as found:
        credentials.find()
    assert found.value.code == "login.incomplete"


def test_what_is_wrong_with_a_token_file_is_said(tmp_path: Path) -> None:
    """Absent, readable by others, and not what Greenroom wrote."""
    home = home_with_token(tmp_path / "home")
    file = home / "private" / "api.json"
    file.chmod(0o640)
    for change, code in (
        (lambda: None, "login.exposed"),
        (lambda: file.write_text("{"), "login.unreadable"),
        (file.unlink, "login.absent"),
    ):
        change()
        with pytest.raises(GreenroomError) as found:
            credentials.find(str(home))
        assert found.value.code == code
        assert "gr_home" not in str(found.value)
        if file.exists():
            file.chmod(0o600)


def test_a_token_is_not_printed() -> None:
    """Not even by accident."""
    assert "gr_x" not in repr(credentials.Credentials("http://127.0.0.1:1", "gr_x", "here"))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:7480", ("http", "127.0.0.1", 7480)),
        ("http://127.8.8.8:1/", ("http", "127.8.8.8", 1)),
        ("http://[::1]:7480", ("http", "::1", 7480)),
        ("http://localhost", ("http", "localhost", 80)),
        ("http://api.shop.localhost:8080", ("http", "api.shop.localhost", 8080)),
        ("HTTPS://Greenroom.Example.com", ("https", "greenroom.example.com", 443)),
    ],
)
def test_addresses_that_are_taken(url: str, parts: tuple[str, str, int]) -> None:
    """Scheme, host and port."""
    assert address.parsed(url) == parts


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com", "login.plain"),
        ("http://127.0.0.1.example.com", "login.plain"),
        ("http://127.0.0.256", "login.plain"),
        ("http://10.0.0.1:7480", "login.plain"),
        ("http://user@127.0.0.1", "login.url"),
        ("http://127.0.0.1/path", "login.url"),
        ("http://127.0.0.1:99999", "login.url"),
        ("http://127.0.0.1:0", "login.url"),
        ("http://[::1", "login.url"),
        ("http://", "login.url"),
        ("ftp://127.0.0.1", "login.url"),
        ("http://a\r\nb", "login.url"),
        ("", "login.url"),
    ],
)
def test_addresses_that_are_refused(url: str, code: str) -> None:
    """A token goes unencrypted to this machine only, and to nothing that is no plain address."""
    with pytest.raises(GreenroomError) as found:
        address.parsed(url)
    assert found.value.code == code
