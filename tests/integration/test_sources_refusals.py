"""Why a managed source is not read, before anything begins; and how it is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.sources.reading import end_of
from greenroom.adapters.postgres.sources.tunnel import for_programs
from greenroom.domain.errors import BadInput, GreenroomError, Refused
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from tests import source_support
from tests.managed import Managed, managed
from tests.source_support import PASSWORD, SCHEMA, Place

pytestmark = pytest.mark.needs("postgres15")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with source_support.place() as made:
        yield made


@pytest.fixture(scope="module")
def source(place: Place) -> Iterator[Managed]:
    with managed(place.clusters, 15, place.root / "managed") as made:
        made.run(SCHEMA)
        yield made


HIDDEN = {
    "table public.person: SELECT is missing",
    "sequence public.tickets: SELECT is missing",
    'table "Odd, Name".early: USAGE on its schema is missing',
    "1 large objects: SELECT is missing",
    "table public.kept: row security hides rows",
}


def test_what_cannot_be_read_is_named_and_nothing_begins(place: Place, source: Managed) -> None:
    """A table, a sequence, a schema, a large object, rows behind row security: each by its name, with a
    way out."""
    source.run("CREATE ROLE narrow LOGIN PASSWORD 'reads:and/nothing@else'; GRANT SELECT ON kept TO narrow")
    with pytest.raises(Refused) as caught:
        place.copy(source.at(user="narrow"), f"narrow-{source.major}")
    source.run("DROP OWNED BY narrow; DROP ROLE narrow")
    assert caught.value.code == "data.source_unreadable"
    assert set(caught.value.facts["unreadable"]) >= HIDDEN
    assert "pg_read_all_data" in caught.value.hint
    assert "BYPASSRLS" in caught.value.hint
    assert not any(place.root.glob("home/env/vault/rebuilt/narrow*"))


def test_a_wrong_password_is_no_secret_told(place: Place, source: Managed) -> None:
    """Refused, in words about the source, and neither password is in them; nor when nobody answers."""
    wrong = Secret("not-the-password-at-all")
    closed = replace(source.at(), url="postgresql://reader@127.0.0.1:9/shop")
    for server, code in ((source.at(), "data.source_refused"), (closed, "data.source_unreachable")):
        with pytest.raises(GreenroomError) as caught:
            place.sources.copy(server, wrong, VAULT, "wrong", Services(18), say=print, go_on=lambda: True)
        assert caught.value.code == code
        said = str(caught.value.as_dict()) + str(caught.value)
        assert server.place in said
        assert wrong.reveal() not in said


def test_an_older_postgresql_of_ours_is_refused(place: Place, source: Managed) -> None:
    """Its version, and what would help, before anything moves."""
    with pytest.raises(Refused) as caught:
        place.copy(source.at(), f"older-{source.major}", major=source.major - 1)
    assert caught.value.code == "data.source_newer"


def test_extensions_are_needed_or_stay_behind(place: Place, source: Managed) -> None:
    """One that looks after the server stays behind where PostgreSQL here lacks it, and that is said; one that a column
    needs is named, with the package that has it; where it is here it comes along."""
    source.run("CREATE EXTENSION pg_stat_statements")
    made = place.copy(source.at(), "without")
    assert "the extension pg_stat_statements stayed behind: it looks after a server" in made.said
    with place.opened("without", made) as ask:
        assert ask("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'") == []
    source.run("CREATE EXTENSION citext")
    for needs, what in (
        ("TABLE loud (word citext)", "citext"),
        ("VIEW slow AS SELECT query FROM pg_stat_statements", "pg_stat_statements"),
    ):
        source.run(f"CREATE {needs}")
        with pytest.raises(Refused) as caught:
            place.copy(source.at(), "needed")
        assert (caught.value.code, what in caught.value.facts["missing"]) == ("database.extension", True)
    made = place.copy(source.at(), "here", major=15)
    with place.opened("here", made) as ask:
        names = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
        assert ask(names) == [("citext",), ("pg_stat_statements",)]
    source.run("DROP VIEW slow; DROP TABLE loud; DROP EXTENSION citext; DROP EXTENSION pg_stat_statements")


@pytest.fixture(scope="module")
def certificate(place: Place) -> tuple[Path, Path]:
    """For `localhost`, signed by its own key, which only the server's user reads. Beside it lie the lists of what its
    key revokes: `nothing.crl`, and `itself.crl`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    for listed, numbers in (("nothing", []), ("itself", [made.serial_number])):
        crl = x509.CertificateRevocationListBuilder(name, now - timedelta(days=1), now + timedelta(days=1))
        for number in numbers:
            entry = x509.RevokedCertificateBuilder(number, now - timedelta(days=1)).build()
            crl = crl.add_revoked_certificate(entry)
        signed = crl.sign(key, hashes.SHA256())
        (place.root / f"{listed}.crl").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files = place.root / "server.crt", place.root / "server.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    files[0].chmod(0o644)
    files[1].chmod(0o600)
    account = place.clusters.account("managed")
    if account.uid != os.getuid():
        os.chown(files[1], account.uid, account.gid)
    return files


@pytest.mark.needs("postgres15")
def test_a_server_that_wants_tls_is_read_in_tls(place: Place, certificate: tuple[Path, Path]) -> None:
    """By our own sessions and by the programs that cannot speak it, to the server that the certificate names alone."""
    with managed(place.clusters, 15, place.root / "managed-tls", certificate) as server:
        server.run("CREATE TABLE person AS SELECT 1 AS id, 'Ann' AS name")
        proven = f"?sslmode=verify-full&sslrootcert={certificate[0]}"
        at = server.at(more=proven)
        made = place.copy(replace(at, url=at.url.replace("127.0.0.1", "localhost")), "tls")
        with place.opened("tls", made) as ask:
            assert ask("SELECT id, name FROM public.person") == [(1, "Ann")]
        for wrong in (at, server.at(more="?sslmode=disable")):
            with pytest.raises(GreenroomError) as caught:
                place.copy(wrong, "tls-wrong")
            assert caught.value.code in ("data.source_unreachable", "data.source_refused")
        with pytest.raises(BadInput) as caught:
            place.copy(server.at(more="?sslmode=require&channel_binding=require"), "tls-bound")
        assert caught.value.code == "data.source_binding"
        assert not any(place.root.glob("home/env/vault/rebuilt/tls-bound/data"))


@pytest.mark.needs("postgres15")
def test_a_revoked_certificate_is_not_trusted(place: Place, certificate: tuple[Path, Path]) -> None:
    """Neither by our own sessions nor by the way that programs take; a list that does not name it lets both in."""
    with managed(place.clusters, 15, place.root / "managed-crl", certificate) as server:
        trusted = f"?sslmode=verify-ca&sslrootcert={certificate[0]}"
        with end_of(server.at(more=trusted), PASSWORD).session() as connection:
            for listed, answers in (("nothing", True), ("itself", False)):
                end = end_of(server.at(more=f"{trusted}&sslcrl={place.root / listed}.crl"), PASSWORD)
                with for_programs(end, connection) as through:
                    assert (_lets_in(end), _lets_in(through)) == (answers, answers)


def _lets_in(end: End) -> bool:
    try:
        with end.session() as connection:
            return connection.execute("SELECT true").fetchall() == [(True,)]
    except GreenroomError as error:
        assert error.code in ("database.unreachable", "database.starting"), error
        return False
