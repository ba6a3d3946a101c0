"""`OciSealer`: from a commit to a sealed release, in four steps that each can be done again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from greenroom.adapters.home import Home
from greenroom.adapters.sealing import documents, files, source
from greenroom.adapters.sealing.cleanroom import CleanRooms
from greenroom.adapters.sealing.image import put_image, put_referrer
from greenroom.adapters.sealing.languages import Job, builder, surroundings
from greenroom.adapters.sealing.layout import Layout
from greenroom.adapters.sealing.reserve import disk_low, is_low, with_room
from greenroom.adapters.sealing.rooms import Room, Task
from greenroom.adapters.sealing.signing import ENVELOPE_TYPE, Keyring
from greenroom.adapters.sealing.tools import Account, Interpreter, Recipe, Toolchain
from greenroom.config.sizes import format_size
from greenroom.domain.canonical import canonical
from greenroom.domain.disk import says_full
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.release import Descriptor
from greenroom.ports.artifacts import Built, CleanRoom, Say, Sealed, Source
from greenroom.ports.databases import Databases
from greenroom.ports.runtime import Finished

WORK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
END_OF_OUTPUT = 4000


class OciSealer:
    """Implements `ports.artifacts.Sealer`.

    `describe` reads the recipe from the files of a commit. `account` gives the user that builds; it is asked only when
    we are root. `caches` keeps what package tools fetched; it is never shown to foreign code.
    """

    def __init__(
        self,
        home: Home,
        keyring: Keyring,
        databases: Databases,
        toolchain: Toolchain,
        describe: Callable[[Path, str], Recipe],
        *,
        account: Account | None = None,
        caches: Path | None = None,
    ) -> None:
        self.home = home
        self._keyring = keyring
        self._toolchain = toolchain
        self._describe = describe
        self._caches = caches or home.root / "caches"
        self._room = Room(account, (home.root, home.run))
        self._clean_rooms = CleanRooms(self._room, databases, home)

    def resolve(self, repository: str, commit: str) -> str:
        return source.resolve(Path(repository), commit)

    @with_room
    def fetch(self, repository: str, commit: str, work_id: str, say: Say) -> Source:
        work = self._work(work_id)
        done = work / "fetched.json"
        if done.is_file():
            return _read_source(done, work)
        where = Path(repository)
        full = source.resolve(where, commit)
        say(f"exporting commit {full[:12]}")
        files.remove_tree(work / "source")
        source.export(where, full, work / "source")
        job = self._job(work, self._describe(work / "source", full), say)
        files.remove_tree(job.deps)
        _make_open(job.deps)
        builder(job.recipe.language).fetch(job)
        files.write_atomically(done, canonical({"commit": full, "repository": repository}))
        return _read_source(done, work)

    @with_room
    def build(self, source: Source, descriptor: Descriptor, work_id: str, say: Say) -> Built:
        work = self._work(work_id)
        recipe = self._describe(source.tree, source.commit)
        job = self._job(work, recipe, say)
        asked = {"commit": source.commit, "descriptor": descriptor.as_dict()}
        descriptor = replace(descriptor, runtime_version=_line(recipe, job.interpreter))
        done = work / "built.json"
        if known := _read_built(done, asked):
            return Built(source, descriptor, job.root, tuple(known["components"]), known["toolchain"])
        language = builder(recipe.language)
        self._lay_ground(job)
        language.install(job)
        self._room.give(job.root)
        for command in recipe.commands:
            self._run_build(job, command, language.path(job.interpreter))
        components = language.finish(job)
        self._room.take_back(job.root)
        _require_seed(job.root, descriptor)
        files.make_modes_plain(job.root)
        files.make_plain(job.root)
        tools = self._room.describe() | (
            {recipe.language.value: job.interpreter.version} if job.interpreter is not None else {}
        )
        files.write_atomically(done, canonical({"asked": asked, "components": components, "toolchain": tools}))
        return Built(source, descriptor, job.root, components, tools)

    @with_room
    def clean_room(self, built: Built, work_id: str, say: Say) -> CleanRoom:
        interpreter = self._toolchain.find(built.descriptor.language, built.descriptor.runtime_version)
        found = self._clean_rooms.start(built, interpreter, self._work(work_id) / "room", say)
        if not found.healthy and (says_full(found.output) or is_low(self.home.root)):
            raise disk_low("whether it starts with only what it declares could not be told", found.output)
        return found

    @with_room
    def seal(self, built: Built, work_id: str, say: Say) -> Sealed:
        layout = Layout(self.home.artifacts)
        layout.prepare()
        recipe = self._describe(built.source.tree, built.source.commit)
        entries = files.scan(built.root, max_bytes=recipe.max_bytes)
        say(f"sealing {len(entries)} files")
        with layout.writing():
            image = put_image(layout, built.root, entries, built.descriptor)
            sbom = documents.bill_of_materials(built, image["digest"])
            about = put_referrer(layout, image, documents.SBOM_TYPE, sbom, documents.SBOM_TYPE)
            sbom_digest = files.digest_of_bytes(sbom)
            statement = documents.provenance(built, recipe.commands, image["digest"], sbom_digest)
            envelope = self._keyring.sign(statement)
            origin = put_referrer(layout, image, documents.PROVENANCE_TYPE, envelope, ENVELOPE_TYPE)
            name = f"{built.descriptor.project}:{built.descriptor.version}"
            named = {**image, "annotations": {"org.opencontainers.image.ref.name": name}}
            layout.add([named, about, origin])
        size = sum(e.size for e in entries)
        return Sealed(image["digest"], size, sbom_digest, files.digest_of_bytes(envelope))

    def forget(self, work_id: str) -> None:
        files.remove_tree(self.home.work / _checked(work_id))

    def _work(self, work_id: str) -> Path:
        """The work's directory; the build's user passes through, others find nothing to read."""
        self.home.work.chmod(0o711)
        work = self.home.work / _checked(work_id)
        _make_open(work)
        return work

    def _job(self, work: Path, recipe: Recipe, say: Say) -> Job:
        self._caches.mkdir(parents=True, exist_ok=True, mode=0o711)
        interpreter = self._toolchain.find(recipe.language, recipe.runtime_version)
        tree, deps, root = work / "source", work / "deps", work / "build" / "root"
        return Job(recipe, interpreter, tree, deps, root, self._caches, self._room, say)

    def _lay_ground(self, job: Job) -> None:
        """Begin anew, whatever an earlier try left."""
        ground = job.root.parent
        (ground.parent / "built.json").unlink(missing_ok=True)
        files.remove_tree(ground)
        _make_open(ground)
        files.copy_tree(job.tree, job.root)
        for name in ("home", "tmp"):
            (ground / name).mkdir(mode=0o700)
            self._room.give(ground / name)

    def _run_build(self, job: Job, command: tuple[str, ...], path: tuple[str, ...]) -> None:
        ground = job.root.parent
        job.say("build: " + " ".join(command))
        entries = (*(str(job.root / p) for p in path), *job.path_entries())
        env = surroundings(ground, entries) | dict(builder(job.recipe.language).env(job.root))
        needs = job.interpreter.needs if job.interpreter else ()
        writable = (job.root, ground / "home", ground / "tmp")
        task = Task(command, env, job.root, writable=writable, readable=needs)
        done = self._room.run(
            task, seconds=job.recipe.seconds, say=job.say, watch=ground, max_bytes=job.recipe.max_bytes
        )
        size = files.size_of(ground)
        if size > job.recipe.max_bytes:  # also when it found out by itself, and ended with an error of its own
            raise _failed(command, replace(done, ended_by="size"), job.recipe, size)
        if done.code != 0:
            raise _failed(command, done, job.recipe)


def _require_seed(root: Path, descriptor: Descriptor) -> None:
    """What `data/seed` names is there when the release is sealed, not missed when somebody wants to load it."""
    absent = [f for f in descriptor.seed if not (root / f).is_file() or (root / f).is_symlink()]
    if absent:
        raise Refused(
            "release.seed_missing",
            f"{', '.join(absent[:10])} cannot be sealed as a seed",
            because="data/seed in greenroom.yaml names it, and it is no file of the commit nor made by the build",
            hint="commit the file, or take it out of data/seed",
            facts={"files": absent},
        )


def _failed(command: tuple[str, ...], done: Finished, recipe: Recipe, size: int = 0) -> Refused | Errored:
    words, output = " ".join(command)[:200], done.output[-END_OF_OUTPUT:]
    if done.ended_by == "size":
        return Refused(
            "release.build_too_large",
            f"`{words}` wrote more than the limit of {format_size(recipe.max_bytes)}",
            because=f"it was ended at {size} bytes"
            if size
            else "it was ended while it grew: a build may not fill the disk",
            hint="have it write less, or raise `release: size:` in greenroom.yaml",
            facts={"output": output, "limit_bytes": recipe.max_bytes},
        )
    if done.ended_by == "disk":
        return disk_low(f"`{words}` was ended", output)
    if done.ended_by.startswith("the time limit"):
        return Refused(
            "release.build_timeout",
            f"`{words}` did not end within {recipe.seconds:.0f} s",
            because=output or "it wrote nothing",
            hint="raise release.timeout in greenroom.yaml, or see what it waits for: there is no network here",
            facts={"output": output},
        )
    how = done.ended_by or f"exit code {done.code}"
    return Refused(
        "release.build_failed",
        f"`{words}` failed ({how})",
        because=output or "it wrote nothing",
        hint="the build has no network and an empty home: what it needs stands in the lock file or the commit",
        facts={"output": output, "exit_code": done.code},
    )


def _line(recipe: Recipe, interpreter: Interpreter | None) -> str:
    """The version line a release is bound to: its byte code and dependencies fit no other."""
    if recipe.runtime_version or interpreter is None:
        return recipe.runtime_version
    parts = interpreter.version.split(".")
    return parts[0] if recipe.language == "node" else ".".join(parts[:2])


def _make_open(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o711)
    path.chmod(0o711)


def _checked(work_id: str) -> str:
    if not WORK_ID.fullmatch(work_id):
        raise BadInput(
            "release.work_invalid",
            f"{work_id[:80]!r} is not the name of a piece of work",
            hint="this is a defect of Greenroom: please report it",
        )
    return work_id


def _read_built(done: Path, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a build of exactly this gave before, if it came to its end."""
    if not done.is_file():
        return None
    known = json.loads(done.read_bytes())
    return dict(known) if canonical(known["asked"]) == canonical(asked) else None


def _read_source(done: Path, work: Path) -> Source:
    found = json.loads(done.read_bytes())
    return Source(found["commit"], work / "source", found["repository"])
