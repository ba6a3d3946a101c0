"""Sealed releases hold against tampering, hostile images, crashes and concurrent seals."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.adapters.sealing import files
from greenroom.adapters.sealing.image import APP, FILE_LIST, LABEL
from greenroom.adapters.sealing.layout import LAYER, Layout
from greenroom.adapters.sealing.tools import Recipe
from greenroom.domain.canonical import canonical
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.release import Language
from tests.seal_support import PLAIN, PYTHON, Workshop, open_directory, plain_app, python_app, shared_tools, workshop

APP_FILES = plain_app() | {"static/a.txt": "a", "static/b.txt": "b"}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: the build's user comes through here."""
    with open_directory() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with workshop(tmp_path, recipe=Recipe(Language.NONE)) as made:
        yield made


@pytest.fixture
def root(shop: Workshop) -> Path:
    """A release laid out; its directory may be written to by the suite."""
    digest = shop.seal(APP_FILES, PLAIN).digest
    found = shop.artifacts.unpack(digest).root
    for path in (found, found / "static"):
        path.chmod(0o755)
    return found


def closed(root: Path) -> None:
    for path in (root, root / "static"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o555)


def rewrite(path: Path, text: str, *, same_times: bool = True) -> None:
    before = path.stat()
    path.chmod(0o644)
    path.write_text(text)
    path.chmod(0o444)
    if same_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("b.txt")


TAMPERINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed byte, same size and times": (lambda r: rewrite(r / "static/a.txt", "c"), "static/a.txt was changed"),
    "a longer file": (lambda r: rewrite(r / "static/a.txt", "aa"), "static/a.txt was changed"),
    "an added file": (lambda r: (r / "static/new.py").write_text(""), "static/new.py was added"),
    "an added directory": (lambda r: (r / "more").mkdir(), "more was added"),
    "a missing file": (lambda r: (r / "static/b.txt").unlink(), "static/b.txt is missing"),
    "a changed mode": (lambda r: (r / "static/a.txt").chmod(0o555), "the mode of static/a.txt was changed"),
    "a writable file": (lambda r: (r / "static/a.txt").chmod(0o644), "the mode of static/a.txt was changed"),
    "a file that became a link": (lambda r: replace_by_link(r / "static/a.txt"), "static/a.txt is no longer a file"),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_named(how: str, shop: Workshop, root: Path) -> None:
    """Whatever is changed in what was laid out is found before the next start, and named."""
    (digest,) = shop.artifacts.digests()
    change, said = TAMPERINGS[how]
    change(root)
    closed(root)
    with pytest.raises(Refused) as refused:
        shop.artifacts.unpack(digest)
    assert (refused.value.code, refused.value.because) == ("artifact.tampered", said)


def test_any_changed_blob_is_refused(shop: Workshop) -> None:
    """Each byte that is stored counts: manifest, config, layers, documents, statement."""
    digest = shop.seal(APP_FILES, PLAIN).digest
    blobs = sorted((shop.home.artifacts / "blobs/sha256").iterdir())
    assert len(blobs) >= 9
    for blob in blobs:
        data = blob.read_bytes()
        if data == b"{}":
            continue  # the empty config of a document, a constant of the format that nothing is read from
        blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(Refused) as refused:
            shop.artifacts.unpack(digest)
        assert refused.value.code == "artifact.tampered"
        blob.write_bytes(data)
    shop.artifacts.unpack(digest)


def test_another_signer_is_not_trusted(tmp_path: Path, shop: Workshop) -> None:
    """A release sealed elsewhere does not start here until its signer's public key is added."""
    digest = shop.seal(APP_FILES, PLAIN).digest
    (tmp_path / "other").mkdir()
    with workshop(tmp_path / "other", recipe=Recipe(Language.NONE)) as other:
        shutil.rmtree(other.home.artifacts)
        shutil.copytree(shop.home.artifacts, other.home.artifacts)
        with pytest.raises(Refused) as refused:
            other.artifacts.verify(digest)
        assert refused.value.code == "artifact.unsigned"
        for key in shop.home.private.glob("*.pub.json"):
            shutil.copy(key, other.home.private)
        assert other.artifacts.verify(digest).project == "shop"


def test_a_signature_of_another_release_does_not_count(shop: Workshop) -> None:
    """A signed statement moved to another image leaves that image unsigned."""
    first = shop.seal(APP_FILES, PLAIN).digest
    second = shop.seal(APP_FILES | {"static/a.txt": "evil"}, PLAIN).digest
    index = shop.home.artifacts / "index.json"
    entries = json.loads(index.read_bytes())["manifests"]
    kept = [m for m in entries if "artifactType" not in m or m["annotations"]["dev.greenroom.subject"] == first]
    layout = Layout(shop.home.artifacts)
    subject = next(m for m in entries if m["digest"] == second)
    moved = []
    for entry in (m for m in kept if "artifactType" in m):
        manifest = json.loads(layout.read(entry["digest"], "x"))
        manifest["subject"] = {k: subject[k] for k in ("mediaType", "digest", "size")}
        fresh = layout.put(canonical(manifest), entry["mediaType"])
        moved.append({**entry, **fresh, "annotations": {"dev.greenroom.subject": second}})
    index.write_bytes(canonical({"schemaVersion": 2, "manifests": [*kept, *moved]}))
    with pytest.raises(Refused) as refused:
        shop.artifacts.unpack(second)
    assert refused.value.code == "artifact.unsigned"


HOSTILE = {
    "climbs": tarfile.TarInfo(APP + "../../evil"),
    "absolute": tarfile.TarInfo("/etc/evil"),
    "link out": tarfile.TarInfo(APP + "link"),
    "device": tarfile.TarInfo(APP + "device"),
    "not listed": tarfile.TarInfo(APP + "more"),
}
HOSTILE["link out"].type, HOSTILE["link out"].linkname = tarfile.SYMTYPE, "../../../etc"
HOSTILE["device"].type = tarfile.CHRTYPE


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_layer_writes_nothing(name: str, listed: bool, shop: Workshop) -> None:
    """An image with every digest right, signed by a trusted key, still cannot write outside its directory."""
    member = HOSTILE[name]
    layout = Layout(shop.home.artifacts)
    layout.prepare()
    path = member.name.removeprefix(APP)
    kind = {tarfile.SYMTYPE: "link", tarfile.CHRTYPE: "file"}.get(member.type, "file")
    entries = [[path, kind, 0o644, 0, "0" * 64, member.linkname]] if listed else []
    listing = canonical(entries)

    def list_of_files(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(FILE_LIST)
        info.size = len(listing)
        tar.addfile(info, io.BytesIO(listing))

    layers = [layout.put_layer(lambda tar: None), layout.put_layer(lambda tar: tar.addfile(member))]
    layers.append(layout.put_layer(list_of_files))
    config = layout.put(canonical({"config": {"Labels": {LABEL: canonical(PLAIN.as_dict()).decode()}}}), LAYER)
    image = layout.put(canonical({"config": config, "layers": layers}), LAYER)
    real = shop.artifacts._check_signature
    shop.artifacts._check_signature = lambda digest: ({}, b"")  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        shop.artifacts.unpack(image["digest"])
    assert refused.value.code == "artifact.tampered" or name == "not listed"
    assert not (shop.home.root / "evil").exists()
    assert [p for p in (shop.home.artifacts / "unpacked").glob("*") if p.name.startswith(".tmp")] == []
    shop.artifacts._check_signature = real  # type: ignore[method-assign]


def test_the_same_commit_leaves_nothing_twice(shop: Workshop) -> None:
    """Sealing a commit again adds no blob and no entry; two releases share the blobs they have in common."""
    shop.seal(APP_FILES, PLAIN)
    before = files.scan(shop.home.artifacts)
    shop.seal(APP_FILES, PLAIN, "w2")
    assert files.scan(shop.home.artifacts) == before


def test_python_releases_share_their_dependencies(tmp_path: Path) -> None:
    """Two releases with the same lock file have the same first layer."""
    with workshop(tmp_path) as shop:
        layout = Layout(shop.home.artifacts)
        digests = [shop.seal(python_app() | {"x": text}, PYTHON).digest for text in ("1", "2")]
        layers = [json.loads(layout.read(d, "x"))["layers"] for d in digests]
        assert layers[0][0] == layers[1][0]
        assert layers[0][1] != layers[1][1]


def test_concurrent_seals_and_collections_lose_nothing(shop: Workshop) -> None:
    """Seals at the same moment all end up in the index, whole, though garbage is collected meanwhile."""
    built = [shop.build(APP_FILES | {"static/a.txt": str(i)}, PLAIN, f"w{i}") for i in range(4)]
    kept = shop.sealer.seal(built[0], "w0", shop.said.append).digest
    with ThreadPoolExecutor(8) as pool:
        seals = [pool.submit(shop.sealer.seal, b, f"w{i}", shop.said.append) for i, b in enumerate(built)]
        for future in seals:
            future.result()
        digests = {f.result().digest for f in seals}
    assert shop.artifacts.digests() == digests
    with ThreadPoolExecutor(8) as pool:
        unpacked = list(pool.map(shop.artifacts.unpack, [kept] * 4))
    assert len({u.root for u in unpacked}) == 1
    for digest in digests:
        shop.artifacts.unpack(digest)


KILLED = """
import sys
from pathlib import Path
from tests.seal_support import *
made = Workshop(Path(sys.argv[1]), recipe=Recipe(Language.NONE))
files = plain_app() | {str(i): "x" * 200_000 + str(i) for i in range(100)}
built = made.build(files, PLAIN)
print("ready", flush=True)
while True:
    made.sealer.seal(built, "w1", lambda line: None)
    (built.root / "0").write_text(str(__import__("time").time_ns()))
"""


def test_a_kill_in_the_middle_leaves_a_valid_store(tmp_path: Path, shop: Workshop) -> None:
    """Killed with SIGKILL while it seals, at several moments: what the index names is whole, the rest is collected."""
    for pause in (0.02, 0.11, 0.23):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        shop.sealer.forget("w1")
    for digest in shop.artifacts.digests():
        shop.artifacts.verify(digest)
    shop.artifacts.remove(())
    assert not [p for p in (shop.home.artifacts / "blobs/sha256").iterdir() if p.name.startswith(".")]
    assert shop.artifacts.unpack(shop.seal(APP_FILES, PLAIN).digest)


def test_what_is_laid_out_is_for_everybody_to_read_and_nobody_to_write(shop: Workshop, root: Path) -> None:
    """Other users of the machine may read a release; no mode in it lets anyone write."""
    closed(root)
    for path, entry in files.walk(root):
        mode = entry.stat(follow_symlinks=False).st_mode & 0o777
        assert mode & 0o222 == 0, path
        assert mode & 0o444 == 0o444, path


ORDINARY = """
import sys
from pathlib import Path
from tests.seal_support import *
with workshop(Path(sys.argv[1])) as made:
    shown = made.start(python_app(), PYTHON)
    assert shown.healthy, shown.output
    assert shown.findings == (), shown.findings
    print(made.sealer._room.kind, made.seal(python_app(), PYTHON, "w2").digest)
"""


@pytest.mark.needs("root")
def test_an_ordinary_user_seals_the_same_bytes(tmp_path: Path) -> None:
    """Root with a separate build user, and an ordinary user, get the same digest for the same files."""
    (tmp_path / "root").mkdir()
    with workshop(tmp_path / "root") as shop:
        ours = shop.seal(python_app(), PYTHON).digest
        assert shop.account is not None
        uid, gid = shop.account.uid, shop.account.gid
    place = tmp_path / "theirs"
    place.mkdir(mode=0o755)
    os.chown(place, uid, gid)
    interpreter = shared_tools().find(Language.PYTHON, "")
    assert interpreter is not None
    code = [str(interpreter.executable), "-c", ORDINARY, str(place)]
    libraries = [str(Path.cwd()), str(Path.cwd() / "src"), sysconfig.get_path("purelib")]
    registry = {k: v for k, v in os.environ.items() if k.startswith(("SSL_", "UV_", "PIP_")) or "proxy" in k.lower()}
    done = subprocess.run(
        ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups", *code],
        env={"PATH": "/usr/bin:/bin", "HOME": str(place), "PYTHONPATH": ":".join(libraries), **registry},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == ours


def test_errors_are_ours(shop: Workshop) -> None:
    """A damaged index is an answer, not a stack trace."""
    shop.seal(APP_FILES, PLAIN)
    for text in ("", "[]", '{"manifests": 3}', '{"manifests": [1]}', '{"manifests": [{"digest": "x"}]}'):
        (shop.home.artifacts / "index.json").write_text(text)
        with pytest.raises(GreenroomError) as error:
            shop.artifacts.digests()
        assert error.value.code == "artifact.tampered"
