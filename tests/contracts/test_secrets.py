"""Every `Secrets` keeps the port's promises; the files moreover keep them from whoever reads the disk."""

from __future__ import annotations

import shutil
import stat
import string
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.adapters.home import Home
from greenroom.adapters.memory.secrets import MemorySecrets
from greenroom.adapters.secretstore import FileSecrets
from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.secret import Secret
from greenroom.ports.secrets import Secrets


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home.at(tmp_path / "home")
    yield made
    shutil.rmtree(made.run)


@pytest.fixture(params=["memory", "files"])
def secrets(request: pytest.FixtureRequest, home: Home) -> Secrets:
    return MemorySecrets() if request.param == "memory" else FileSecrets(home)


def test_what_was_put_is_there(secrets: Secrets) -> None:
    """Values come back as they were put, the newest of a name; names are listed without values."""
    secrets.put("qa", "B", Secret("old"))
    secrets.put("qa", "B", Secret("ne\nw ✓"))
    secrets.put("qa", "A", Secret(""))
    assert secrets.values("qa") == {"A": Secret(""), "B": Secret("ne\nw ✓")}
    assert secrets.names("qa") == ["A", "B"]


def test_environments_are_apart(secrets: Secrets) -> None:
    """One environment's secrets are not another's."""
    secrets.put("qa", "A", Secret("one"))
    assert secrets.values("dev") == {}
    assert secrets.names("dev") == []


def test_remove(secrets: Secrets) -> None:
    """Removing says whether there was one."""
    secrets.put("qa", "A", Secret("one"))
    assert secrets.remove("qa", "A")
    assert not secrets.remove("qa", "A")
    assert secrets.values("qa") == {}


@pytest.mark.parametrize("environment", ["", "../qa", "a/b", "Qa", "qa\0", "a" * 33, "qa\n"])
def test_hostile_environments_are_refused(secrets: Secrets, environment: str) -> None:
    """A name that could lead elsewhere is bad input for every call."""
    for ask in (
        lambda: secrets.values(environment),
        lambda: secrets.put(environment, "A", Secret("x")),
        lambda: secrets.remove(environment, "A"),
        lambda: secrets.names(environment),
    ):
        with pytest.raises(BadInput):
            ask()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("1A", "x"),
        ("A-B", "x"),
        ("A=B", "x"),
        ("A\n", "x"),
        ("A", "a\0b"),
        ("A", "x" * 70_000),
        ("A", "\ud800"),
    ],
)
def test_what_cannot_be_a_variable_is_refused(secrets: Secrets, name: str, value: str) -> None:
    """Secrets become environment variables; what could not is bad input, and the value is not in the message."""
    with pytest.raises(BadInput) as bad:
        secrets.put("qa", name, Secret(value))
    assert len(value) < 4 or value not in str(bad.value)
    assert secrets.names("qa") == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_every_text_survives(secrets: Secrets, value: str) -> None:
    """Whatever text an environment variable can hold comes back exactly."""
    secrets.put("qa", "A", Secret(value))
    assert secrets.values("qa")["A"].reveal() == value


def test_values_and_key_are_private_on_disk(home: Home) -> None:
    """No value lies in clear anywhere below the home; every file and directory of them is the owner's alone."""
    FileSecrets(home).put("qa", "A", Secret("very-secret-value"))
    files = [p for p in home.private.rglob("*") if p.is_file()]
    assert files
    for path in files:
        assert b"very-secret-value" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home.private / "secrets").stat().st_mode) == 0o700


def _swap(folder: Path, source: str, target: str) -> None:
    shutil.copy(folder / f"{source}.secrets.json", folder / f"{target}.secrets.json")


def test_copied_ciphertext_does_not_open_elsewhere(home: Home) -> None:
    """A file copied to another environment, a value moved to another name, another room: none opens."""
    kept = FileSecrets(home)
    kept.put("production", "A", Secret("live"))
    folder = home.private / "secrets"
    _swap(folder, "production", "dev")
    with pytest.raises(Errored) as errored:
        kept.values("dev")
    assert errored.value.code == "secrets.unreadable"
    text = (folder / "production.secrets.json").read_text()
    (folder / "production.secrets.json").write_text(text.replace('"A"', '"B"'))
    with pytest.raises(Errored):
        kept.values("production")
    (folder / "production.secrets.json").write_text(text)
    FileSecrets(home, "other").put("dev", "X", Secret("y"))
    shutil.copy(folder / "production.secrets.json", home.private / "other" / "production.secrets.json")
    with pytest.raises(Errored):
        FileSecrets(home, "other").values("production")
    assert kept.values("production") == {"A": Secret("live")}


@pytest.mark.parametrize("character", string.ascii_letters[:3])
def test_changed_ciphertext_does_not_open(home: Home, character: str) -> None:
    """One changed character is found."""
    kept = FileSecrets(home)
    kept.put("qa", "A", Secret("value"))
    file = home.private / "secrets" / "qa.secrets.json"
    start = file.read_text().index(": ") + 8
    text = file.read_text()
    changed = character if text[start] != character else "Z"
    file.write_text(text[:start] + changed + text[start + 1 :])
    with pytest.raises(Errored):
        kept.values("qa")


@pytest.mark.parametrize("text", ["", "[]", '{"A": 1}', '{"A": "?"}', '{"A": ""}', "\ufffd"])
def test_garbage_is_unreadable_and_not_overwritten(home: Home, text: str) -> None:
    """A broken file is told, and a put does not wipe it out."""
    kept = FileSecrets(home)
    kept.put("qa", "A", Secret("value"))
    file = home.private / "secrets" / "qa.secrets.json"
    file.write_text(text)
    with pytest.raises(Errored) as errored:
        kept.values("qa")
    assert errored.value.code == "secrets.unreadable"


def test_a_lost_key_is_not_replaced(home: Home) -> None:
    """With the key gone nothing is sealed anew over what only that key opens."""
    kept = FileSecrets(home)
    kept.put("qa", "A", Secret("value"))
    (home.private / "secrets.key").unlink()
    for ask in (lambda: kept.values("qa"), lambda: kept.put("qa", "B", Secret("x"))):
        with pytest.raises(Errored) as errored:
            ask()
        assert errored.value.code == "secrets.unreadable"
    assert not (home.private / "secrets.key").exists()


def test_two_who_put_at_once_lose_nothing(home: Home) -> None:
    """Writers of the same set wait for one another; all first puts agree on one key."""
    stores = [FileSecrets(home) for _ in range(8)]
    threads = [
        threading.Thread(target=store.put, args=("qa", f"N{i}", Secret(str(i)))) for i, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: s.reveal() for n, s in FileSecrets(home).values("qa").items()} == {f"N{i}": str(i) for i in range(8)}
