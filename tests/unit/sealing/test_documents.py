"""The signed statement and the bill of materials say what they should, the same every time."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from greenroom.adapters.sealing import documents
from greenroom.adapters.sealing.signing import Keyring
from greenroom.adapters.sealing.source import public_address
from greenroom.domain.errors import Errored
from greenroom.domain.release import Descriptor, Language, Process
from greenroom.ports.artifacts import Built, Source

DIGEST = "sha256:" + "1" * 64
COMPONENTS = (
    {"name": "B", "version": "2", "purl": "pkg:pypi/b@2", "files": "sha256:2", "sha256": "c" * 64},
    {"name": "a", "version": "1", "purl": "pkg:npm/a@1", "ref": "pkg:npm/a@1#node_modules/a", "files": "sha256:3"},
)


def built(tmp_path: Path) -> Built:
    descriptor = Descriptor("shop", "1", Language.PYTHON, (Process("web", ("x",)),))
    source = Source("c" * 40, tmp_path, "https://user:token@example.com/shop.git?x=1")
    return Built(source, descriptor, tmp_path, COMPONENTS, {"isolation": "bwrap"})


def test_documents_are_the_same_every_time(tmp_path: Path) -> None:
    """No clock and no random number: made twice, they have the same bytes, signature included."""
    keyring = Keyring(tmp_path)
    made = []
    for _ in range(2):
        sbom = documents.bill_of_materials(built(tmp_path), DIGEST)
        statement = documents.provenance(built(tmp_path), [["make"]], DIGEST, "sha256:5")
        made.append((sbom, keyring.sign(statement)))
    assert made[0] == made[1]


def test_the_bill_of_materials_names_each_component(tmp_path: Path) -> None:
    """CycloneDX 1.6 with name, version, purl and the lock file's hash."""
    sbom = json.loads(documents.bill_of_materials(built(tmp_path), DIGEST))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert {c["purl"] for c in sbom["components"]} == {"pkg:pypi/b@2", "pkg:npm/a@1"}
    assert "timestamp" not in sbom["metadata"]


def test_no_credentials_in_documents(tmp_path: Path) -> None:
    """A repository's address loses the name and password in it."""
    statement = documents.provenance(built(tmp_path), [], DIGEST, "sha256:5")
    assert "token" not in json.dumps(statement)
    assert public_address("https://u:p@example.com:8443/a.git") == "https://example.com:8443/a.git"
    assert public_address("/srv/shop") == "/srv/shop"


def test_a_statement_speaks_of_one_release(tmp_path: Path) -> None:
    """Of the release it names, with the bill of materials; of no other, whatever its form."""
    statement = documents.provenance(built(tmp_path), [], DIGEST, "sha256:5")
    assert documents.speaks_of(statement, DIGEST) == "sha256:5"
    assert documents.speaks_of(statement, "sha256:" + "2" * 64) is None
    for broken in ({}, {"subject": []}, statement | {"subject": 3}, statement | {"predicateType": "x"}):
        assert documents.speaks_of(broken, DIGEST) is None


def test_only_trusted_signatures_open(tmp_path: Path) -> None:
    """A changed payload, another key, or no envelope at all opens to nothing."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    ours, theirs = Keyring(tmp_path / "ours"), Keyring(tmp_path / "theirs")
    theirs.key_id()
    envelope = ours.sign({"a": 1})
    assert ours.opened(envelope) == {"a": 1}
    assert theirs.opened(envelope) is None
    changed = json.loads(envelope)
    changed["payload"] = base64.b64encode(b'{"a":2}').decode()
    for bad in (json.dumps(changed).encode(), b"", b"[]", b"{}", b'{"payload": 3}', b"\xff"):
        assert ours.opened(bad) is None


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Two keyrings of one home sign with one key; its file is for its owner alone; a damaged one is an error."""
    assert Keyring(tmp_path).key_id() == Keyring(tmp_path).key_id()
    assert (tmp_path / "sealing-key.pem").stat().st_mode & 0o777 == 0o600
    (tmp_path / "sealing-key.pem").write_text("nonsense")
    with pytest.raises(Errored) as errored:
        Keyring(tmp_path).sign({})
    assert errored.value.code == "seal.key_unreadable"
