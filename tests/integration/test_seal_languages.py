"""Applications in each language are sealed for real: fetched, built apart, started once, signed, laid out, run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from uv import find_uv_bin

from greenroom.adapters.sealing.tools import Recipe
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.release import Descriptor, Language
from tests.seal_support import (
    NODE,
    NODE_FILES,
    PLAIN,
    PYTHON,
    Workshop,
    open_directory,
    plain_app,
    python_app,
    workshop,
)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: the build's user comes through here."""
    with open_directory() as made:
        yield made


OPEN_PROJECT = '[project]\nname="x"\ndependencies=["flask"]'
CASES = [
    pytest.param(Language.PYTHON, python_app(), PYTHON, id="python"),
    pytest.param(Language.NODE, NODE_FILES, NODE, id="node", marks=pytest.mark.needs("node")),
    pytest.param(Language.NONE, plain_app(), PLAIN, id="plain"),
]


@pytest.mark.parametrize(("language", "files", "descriptor"), CASES)
def test_same_commit_same_digest(
    language: Language, files: dict[str, str], descriptor: Descriptor, tmp_path: Path
) -> None:
    """The same files built in two homes, at two depths, with another file time, give the same digest."""
    digests = set()
    for place in ("a", "b/deeper/still"):
        (tmp_path / place).mkdir(parents=True)
        with workshop(tmp_path / place, recipe=Recipe(language)) as shop:
            digests.add(shop.seal(files, descriptor).digest)
    assert len(digests) == 1


@pytest.mark.parametrize(("language", "files", "descriptor"), CASES)
def test_sealed_started_and_laid_out(
    language: Language, files: dict[str, str], descriptor: Descriptor, tmp_path: Path
) -> None:
    """The clean room finds it healthy and complete; what is unpacked runs with nothing but what it was given."""
    with workshop(tmp_path, recipe=Recipe(language)) as shop:
        built = shop.build(files, descriptor)
        shown = shop.sealer.clean_room(built, "w1", shop.said.append)
        assert shown.healthy, shown.output
        assert shown.findings == ()
        sealed = shop.sealer.seal(built, "w1", shop.said.append)
        assert shop.sealer.seal(built, "w1", shop.said.append) == sealed
        unpacked = shop.artifacts.unpack(sealed.digest)
        assert unpacked.descriptor.runtime_version or language is Language.NONE
        sbom = shop.artifacts.documents(sealed.digest)["sbom"]
        names = {c["name"] for c in sbom.get("components", ())}
        assert names == {Language.PYTHON: {"itsdangerous"}, Language.NODE: {"ms"}, Language.NONE: set()}[language]
        shop.sealer.forget("w1")
        assert list(shop.home.work.iterdir()) == []


def test_a_laid_out_python_release_runs(tmp_path: Path) -> None:
    """The virtual environment made at unpacking imports the locked dependency, and writes nothing."""
    with workshop(tmp_path) as shop:
        digest = shop.seal(python_app(), PYTHON).digest
        unpacked = shop.artifacts.unpack(digest)
        path = ":".join([*map(str, unpacked.path_entries), "/usr/bin", "/bin"])
        done = subprocess.run(
            [str(unpacked.path_entries[0] / "python"), "-c", "import itsdangerous; print(itsdangerous.__file__)"],
            env={"PATH": path, **unpacked.env}, cwd=unpacked.root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.startswith(str(unpacked.root))
        shop.artifacts.unpack(digest)


def test_build_commands_run_without_network_and_home(tmp_path: Path) -> None:
    """A build command finds an empty home, no network, only the given variables; what it writes is sealed."""
    look = (
        "import os, socket\nhome = os.listdir(os.environ['HOME'])\nnet = 'reached'\n"
        "try: socket.create_connection(('192.0.2.1', 80), 2)\nexcept OSError as e: net = e.errno\n"
        "open('made.txt', 'w').write(repr((home, net, 'SECRET_OF_CALLER' in os.environ)))\n"
    )
    os.environ["SECRET_OF_CALLER"] = "x"
    try:
        with workshop(tmp_path, recipe=Recipe(Language.PYTHON, commands=(("python3", "look.py"),))) as shop:
            built = shop.build(python_app() | {"look.py": look}, PYTHON)
            assert (built.root / "made.txt").read_text() == "([], 101, False)"
    finally:
        del os.environ["SECRET_OF_CALLER"]


@pytest.mark.parametrize(
    ("command", "seconds", "code", "said"),
    [
        (("sh", "-c", "echo broken here; exit 3"), 30.0, "release.build_failed", "broken here"),
        (("sh", "-c", "setsid sleep 300 & echo waiting; sleep 300"), 5.0, "release.build_timeout", "waiting"),
        (("sh", "-c", "head -c 40000000 /dev/zero > big"), 30.0, "release.build_too_large", ""),
        (("no-such-tool",), 30.0, "release.build_failed", "no-such-tool"),
    ],
)
def test_a_bad_build_is_named(command: tuple[str, ...], seconds: float, code: str, said: str, tmp_path: Path) -> None:
    """A build that fails, hangs, fills the disk or cannot start is refused with the end of its output."""
    recipe = Recipe(Language.NONE, commands=(command,), seconds=seconds)
    with workshop(tmp_path, recipe=recipe, max_bytes=20_000_000) as shop:
        with pytest.raises(Refused) as refused:
            shop.build({"a": "b"}, PLAIN)
        assert refused.value.code == code
        assert said in refused.value.because


def test_a_seed_must_be_there_when_it_is_sealed(tmp_path: Path) -> None:
    """A file that the commit or the build makes; one that is absent, or leads elsewhere, is named."""
    recipe = Recipe(Language.NONE, commands=(("sh", "-c", "echo x > made.sql; ln -s /etc/passwd link.csv"),))
    with workshop(tmp_path, recipe=recipe) as shop:
        shop.build({"seed/a.csv": "id"}, replace(PLAIN, seed=("seed/a.csv", "made.sql")))
        with pytest.raises(Refused) as refused:
            shop.build({"seed/a.csv": "id"}, replace(PLAIN, seed=("seed/a.csv", "link.csv", "seed/b.csv")), "w2")
        assert refused.value.code == "release.seed_missing"
        assert refused.value.facts["files"] == ["link.csv", "seed/b.csv"]


def test_steps_may_be_done_again(tmp_path: Path) -> None:
    """A step done again gives what it gave, at once; a build that was killed begins anew."""
    with workshop(tmp_path, recipe=Recipe(Language.PYTHON, commands=(("sh", "-c", "date +%N > when"),))) as shop:
        first = shop.build(python_app(), PYTHON)
        when = (first.root / "when").read_text()
        assert shop.build(python_app(), PYTHON) == first
        assert (first.root / "when").read_text() == when
        (first.root / "left-over").write_text("from a try that was killed")
        (first.root.parents[1] / "built.json").unlink()
        again = shop.build(python_app(), PYTHON)
        assert again == first
        assert not (again.root / "left-over").exists()


def test_a_uv_lock_is_understood(tmp_path: Path) -> None:
    """What uv.lock names is installed, its development dependencies are not, and its hash is in the documents."""
    project = (
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["itsdangerous==2.2.0"]\n'
        '[dependency-groups]\ndev = ["six==1.17.0"]\n'
    )
    (tmp_path / "project").mkdir()
    (tmp_path / "project/pyproject.toml").write_text(project)
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=tmp_path / "project", check=True)
    locked = {"pyproject.toml": project, "uv.lock": (tmp_path / "project/uv.lock").read_text()}
    with workshop(tmp_path) as shop:
        built = shop.build({"app.py": python_app()["app.py"]} | locked, PYTHON)
        assert [c["name"] for c in built.components] == ["itsdangerous"]
        assert shop.sealer.clean_room(built, "w1", shop.said.append).healthy


def test_files_that_only_their_owner_reads_are_opened(tmp_path: Path) -> None:
    """What a build left unreadable for others runs all the same, and has a mode like everything else."""
    close = (("sh", "-c", "chmod 600 app.py && mkdir -m 700 d && umask 077 && touch d/f"),)
    with workshop(tmp_path, recipe=Recipe(Language.PYTHON, commands=close)) as shop:
        built = shop.build(python_app(), PYTHON)
        assert {p.stat().st_mode & 0o777 for p in (built.root / "app.py", built.root / "d/f")} == {0o644}
        assert shop.sealer.clean_room(built, "w1", shop.said.append).healthy


@pytest.mark.parametrize(
    ("files", "language", "code", "said"),
    [
        ({"pyproject.toml": OPEN_PROJECT}, Language.PYTHON, "release.lock_missing", "uv"),
        ({"requirements.txt": "flask\n"}, Language.PYTHON, "release.lock_unpinned", "requirements.txt:1"),
        ({"requirements.txt": "flask==3.1.3\n"}, Language.PYTHON, "release.lock_incomplete", "werkzeug"),
        ({"requirements.txt": "no-such-distribution-x==1\n"}, Language.PYTHON, "release.fetch_failed", "no-such"),
        ({"package.json": '{"dependencies": {"ms": "2"}}'}, Language.NODE, "release.lock_missing", "package-lock"),
    ],
)  # fmt: skip
def test_a_bad_lock_is_named(files: dict[str, str], language: Language, code: str, said: str, tmp_path: Path) -> None:
    """A missing, open, incomplete or unobtainable lock is refused, naming what is wrong."""
    with workshop(tmp_path, recipe=Recipe(language)) as shop:
        with pytest.raises((Refused, BadInput)) as refused:
            shop.build(files, replace(PYTHON, language=language))
        assert refused.value.code == code
        assert said in str(refused.value)


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "nothing", "", "HEAD:app.py", "a\0b", "-q"])
def test_a_hostile_commit_name_is_unknown(name: str, tmp_path: Path) -> None:
    """A name that is no commit is bad input, whatever it looks like."""
    with workshop(tmp_path) as shop:
        shop.commit(python_app())
        with pytest.raises(BadInput) as bad:
            shop.sealer.fetch(str(tmp_path / "repository"), name, "w1", shop.said.append)
        assert bad.value.code == "release.commit_unknown"


def test_a_place_without_git_is_named(tmp_path: Path) -> None:
    """A directory that is no repository, and one that is not there, are bad input."""
    with workshop(tmp_path) as shop:
        for place in (tmp_path, tmp_path / "absent"):
            with pytest.raises(BadInput) as bad:
                shop.sealer.fetch(str(place), "HEAD", "w1", shop.said.append)
            assert bad.value.code == "release.repository_unknown"


def test_forgetting_twice_is_fine(tmp_path: Path) -> None:
    """Work that ended leaves no directory; a hostile name of work is bad input."""
    with workshop(tmp_path) as shop:
        shop.sealer.forget("w9")
        with pytest.raises(BadInput):
            shop.sealer.forget("../private")
        assert Workshop is type(shop)
