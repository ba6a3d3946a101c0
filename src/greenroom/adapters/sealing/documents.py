"""What travels with a release: the bill of materials (CycloneDX 1.6) and the statement of where it came from.

Neither holds a clock or a random number, so sealing the same commit again gives the same bytes; when it
was made stands in the ledger. Statement: https://in-toto.io/Statement/v1 with https://slsa.dev/provenance/v1.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from greenroom.adapters.sealing.source import public_address
from greenroom.domain.canonical import canonical
from greenroom.domain.release import Descriptor
from greenroom.ports.artifacts import Built

SBOM_TYPE = "application/vnd.cyclonedx+json"
PROVENANCE_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://greenroom.dev/build/v1"
BUILDER = "https://greenroom.dev/sealer/v1"

_HASHES = {"sha256": HashAlgorithm.SHA_256, "sha512": HashAlgorithm.SHA_512}


def bill_of_materials(built: Built, digest: str) -> bytes:
    """CycloneDX 1.6 JSON. A component carries the hash its lock file names, and a digest of the files installed."""
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, digest))
    bom.metadata = BomMetaData(component=_application(built.descriptor, digest))
    for component in built.components:
        bom.components.add(_component(component))
    bom.register_dependency(bom.metadata.component, bom.components)  # type: ignore[arg-type]
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)  # the library writes the present time; bytes have none
    return canonical(document)


def provenance(built: Built, commands: Sequence[Sequence[str]], digest: str, sbom_digest: str) -> dict[str, Any]:
    """The in-toto statement: which commit, which dependencies, which tools, in what room."""
    source = built.source
    return {
        "_type": STATEMENT,
        "subject": [
            {
                "name": f"{built.descriptor.project}@{built.descriptor.version}",
                "digest": {"sha256": digest.removeprefix("sha256:")},
            }
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "repository": public_address(source.repository),
                    "commit": source.commit,
                    "commands": [list(c) for c in commands],
                },
                "internalParameters": dict(built.toolchain),
                "resolvedDependencies": [
                    {"uri": f"git+{public_address(source.repository)}", "digest": {"gitCommit": source.commit}},
                    *_materials(built.components),
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER},
                "byproducts": [{"name": "sbom", "digest": {"sha256": sbom_digest.removeprefix("sha256:")}}],
            },
        },
    }


def speaks_of(statement: dict[str, Any], digest: str) -> str | None:
    """The digest of the bill of materials, if this statement is a provenance of exactly this release."""
    try:
        (subject,) = statement["subject"]
        (byproduct,) = statement["predicate"]["runDetails"]["byproducts"]
        fits = (
            statement["_type"] == STATEMENT
            and statement["predicateType"] == PREDICATE
            and subject["digest"]["sha256"] == digest.removeprefix("sha256:")
        )
        return "sha256:" + str(byproduct["digest"]["sha256"]) if fits else None
    except (KeyError, TypeError, ValueError):
        return None


def _materials(components: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for c in components:
        digest = {k: c[k] for k in ("sha256", "sha512") if c.get(k)} or {"dirHash": c["files"]}
        found.append({"uri": c["purl"], "digest": digest})
    return found


def _application(descriptor: Descriptor, digest: str) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        name=descriptor.project,
        version=descriptor.version,
        bom_ref=digest,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))],
    )


def _component(found: dict[str, Any]) -> Component:
    hashes = [HashType(alg=alg, content=str(found[k])) for k, alg in _HASHES.items() if found.get(k)]
    return Component(
        type=ComponentType.LIBRARY,
        name=str(found["name"]),
        version=str(found["version"]),
        purl=PackageURL.from_string(str(found["purl"])),
        bom_ref=str(found.get("ref") or found["purl"]),
        hashes=hashes,
        properties=[Property(name="greenroom:installed-files", value=str(found["files"]))],
    )
