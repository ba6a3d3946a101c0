"""The four steps that make a release from a commit: fetch, build, clean-room, seal.

The sealer's methods are idempotent under the work's id and give back what they did before at once, so each
step asks for what the one before it made instead of carrying it through the store.
"""

from __future__ import annotations

from sqlalchemy import Connection

from greenroom.config.project import VersionSource
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.names import short
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.release import Descriptor
from greenroom.domain.work import State, Work
from greenroom.domain.work_record import asking
from greenroom.ports.artifacts import Built, Sealed, Source
from greenroom.workflows.recipe import committed, language_of
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext


class _ReleaseStep:
    returns = True

    def undo(self, context: StepContext) -> Outcomes:
        context.world.sealer.forget(context.work.id)
        return Done()


class FetchStep(_ReleaseStep):
    """The commit's files, and what its lock file names: the last step with a network."""

    name = "fetch"

    def do(self, context: StepContext) -> Outcomes:
        source = _source(context)
        descriptor = _descriptor(context, source)
        context.say(f"commit {source.commit[:12]}, version {descriptor.version}")
        return Done({"commit": source.commit, "version": descriptor.version})


class BuildStep(_ReleaseStep):
    """Built once, without a network."""

    name = "build"

    def do(self, context: StepContext) -> Outcomes:
        built = _built(context)
        return Done({"components": len(built.components), "toolchain": built.toolchain})


class CleanRoomStep(_ReleaseStep):
    """Started once with only what it declares. What it misses is named, and refuses the seal."""

    name = "clean-room"

    def do(self, context: StepContext) -> Outcomes:
        found = context.world.sealer.clean_room(_built(context), context.work.id, context.say)
        said = [str(f) for f in found.findings]
        if found.blocking:
            raise Refused(
                "release.undeclared",
                f"commit {context.work.request['commit'][:12]} uses what it does not declare",
                because="\n".join(str(f) for f in found.blocking),
                hint="declare it in greenroom.yaml or the lock file, commit, and make the release again",
                facts={"findings": said},
            )
        if not found.healthy:
            raise Refused(
                "release.unhealthy",
                f"commit {context.work.request['commit'][:12]} does not start with only what it declares",
                because=found.output.strip()[-2000:],
                hint="start it as the clean room does: an empty home, no other service than the declared ones",
                facts={"findings": said},
            )
        for line in said:
            context.say(f"noted: {line}")
        return Done({"boot_seconds": found.boot_seconds, "findings": said})


class SealStep(_ReleaseStep):
    """The image, its bill of materials, its signed provenance; and the release's row.

    What was sealed is read back, verified and laid out at once: a seal that nothing could be started from is none, and
    the first promotion does not wait for it.
    """

    name = "seal"

    def do(self, context: StepContext) -> Outcomes:
        built = _built(context)
        context.guard()
        sealed = context.world.sealer.seal(built, context.work.id, context.say)
        context.crash("sealed")
        context.world.unpacked(sealed.digest)
        context.say(f"sealed as {short(sealed.digest)}, {sealed.size / 1e6:.1f} MB")
        facts = {"digest": sealed.digest, "size": sealed.size, "version": built.descriptor.version}
        context.world.sealer.forget(context.work.id)
        return Done(facts, record=lambda tx: _record(tx, context, built, sealed))


def _record(tx: Connection, context: StepContext, built: Built, sealed: Sealed) -> None:
    """The same contents sealed again are the same release: who made it first stays its maker."""
    world, work = context.world, context.work
    world.store.works.set_columns(tx, work.id, [State.ACTIVE, State.DONE], release=sealed.digest)
    if world.store.has_release(tx, sealed.digest):
        back = {"id": sealed.digest, "collected_at": None}  # it may have been collected meanwhile
        world.store.recorder.record(
            tx, work.requested_by, "release.sealed", {"work": work.id, "again": True}, release=back
        )
    else:
        row = {
            "id": sealed.digest,
            "project": built.descriptor.project,
            "version": built.descriptor.version,
            "git_commit": built.source.commit,
            "made_by": work.requested_by,
            "made_at": world.clock.now(),
            "descriptor": built.descriptor.as_dict(),
            "size": sealed.size,
        }
        world.store.recorder.record(tx, work.requested_by, "release.sealed", {"work": work.id}, release=row)
    facts = {
        "sbom": sealed.sbom_digest,
        "provenance": sealed.provenance_digest,
        "findings": context.fact("clean-room", "findings", []),
    }
    found = NewEvidence("seal", "clean-room", Outcome.PASSED, facts)
    world.record_evidence(tx, work, found, release=sealed.digest)
    if target := work.request.get("then_promote"):
        _promote(tx, context, target, sealed.digest)


def _promote(tx: Connection, context: StepContext, environment: str, digest: str) -> None:
    """What was asked for with the release: the gates decide when the work is taken up, as for any other."""
    world, asked = context.world, context.work
    promotion = Work(
        id=world.ids.new("promotion"),
        kind=WorkKind.PROMOTION,
        environment=environment,
        release=digest,
        plan=PLANS[WorkKind.PROMOTION],
        state=State.QUEUED,
        requested_by=asked.requested_by,
        requested_at=world.clock.now(),
    )
    world.store.works.add(tx, promotion)
    world.store.recorder.append(tx, asked.requested_by, "promotion.requested", asking(promotion, after=asked.id))


def _source(context: StepContext) -> Source:
    request = context.work.request
    return context.world.sealer.fetch(request["repository"], request["commit"], context.work.id, context.say)


def _descriptor(context: StepContext, source: Source) -> Descriptor:
    """The commit's own greenroom.yaml says how it runs."""
    config = committed(source.tree, source.commit)
    language = config.build.language or language_of(source.tree)
    return config.descriptor(_version(config.build.version, source), language)


def _version(wanted: VersionSource, source: Source) -> str:
    """The text in the configuration, the first line of the named file, or the commit's first 12 characters."""
    if wanted.text:
        return wanted.text
    if wanted.file is None:
        return source.commit[:12]
    path = (source.tree / wanted.file).resolve()
    if not path.is_relative_to(source.tree.resolve()) or not path.is_file():
        raise BadInput(
            "release.version_file",
            f"the version's file {wanted.file!r} is not in the commit",
            hint="name a file of the repository under release/version/file",
        )
    first = path.read_text(errors="replace").strip().splitlines()[:1]
    return first[0][:64] if first else source.commit[:12]


def _built(context: StepContext) -> Built:
    source = _source(context)
    return context.world.sealer.build(source, _descriptor(context, source), context.work.id, context.say)
