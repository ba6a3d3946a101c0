"""The history the demo makes from the example's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from greenroom.config.load import load
from greenroom.demo import repository
from greenroom.demo.repository import EXAMPLE, VERSIONS, Version, configuration, files, make
from greenroom.domain.errors import Errored


def test_the_same_files_give_the_same_commits_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the place, the time nor somebody's git settings change a commit's identifier."""
    first = make(tmp_path / "one")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    second = make(tmp_path / "two")
    assert first == second and list(first) == ["6.1.5", "7.0.1", "7.2.1"] and len(set(first.values())) == 3


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.number)
def test_every_commit_has_a_valid_configuration_of_its_own_release(version: Version) -> None:
    """Version, lock file and whether the migration contracts are those of the commit's release."""
    contents = files(version)
    loaded = load(contents["greenroom.yaml"])
    assert loaded.build.version.text == version.number
    assert loaded.described.migration.contracts == version.contracts
    assert f"\nihatemoney=={version.number} " in contents["requirements.txt"]
    assert f"\nihatemoney=={version.number}\n" in contents["requirements.in"]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.number)
def test_every_locked_package_has_a_hash_and_no_host_is_named(version: Version) -> None:
    """The lock file pins everything by version and SHA-256 and does not say where to get it."""
    lock = files(version)["requirements.txt"]
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > 40
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+ ", entry) and "--hash=sha256:" in entry, entry
    assert "://" not in lock and "--index" not in lock


def test_commits_differ_only_where_releases_do() -> None:
    """Besides the version and the contracting migration with its reason, the three configurations are one."""
    lines = [set(files(v)["greenroom.yaml"].splitlines()) for v in VERSIONS]
    assert lines[0] ^ lines[1] == {'  version: "6.1.5"', '  version: "7.0.1"'}
    changed = lines[1] ^ lines[2] - {'  version: "7.2.1"'}
    assert {yaml.safe_load(line).popitem()[0] for line in changed if "#" not in line} <= {"version", "contracts"}
    assert len(changed) == 4


def test_a_configuration_that_is_not_the_examples_is_not_rewritten_by_guessing() -> None:
    """Where the expected words are missing or there twice, it says so."""
    good = (EXAMPLE / "greenroom.yaml").read_text()
    for bad in ("", good + '\nversion: "7.2.1"', good.replace("contracts: true", "contracts: yes")):
        with pytest.raises(Errored) as error:
            configuration(bad, VERSIONS[0])
        assert error.value.code == "demo.example_missing"


def test_a_missing_example_says_where_it_looked(tmp_path: Path) -> None:
    """Outside a checkout the demo names the file it cannot find."""
    with pytest.raises(Errored, match="not where it should be") as error:
        files(VERSIONS[0], tmp_path)
    assert "make demo" in error.value.hint


def test_git_that_fails_is_an_error_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git on the machine the demo says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Errored) as error:
        repository.make(tmp_path / "here")
    assert error.value.code == "demo.git"
