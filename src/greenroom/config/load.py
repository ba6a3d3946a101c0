"""Read `greenroom.yaml`: everything wrong with it at once, or a complete `ProjectConfig`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from greenroom.config import rules_data, rules_path, rules_release
from greenroom.config.draft import Draft, read_draft
from greenroom.config.gate_settings import GatePairs, gates_for
from greenroom.config.problems import Finding, Problem, config_error, from_pydantic, located, printable
from greenroom.config.project import ProjectConfig
from greenroom.config.schema import ProjectFile
from greenroom.config.to_domain import project_of
from greenroom.config.yaml_text import MAX_BYTES, Document, YamlProblem, read_yaml
from greenroom.domain.errors import BadInput
from greenroom.domain.gate import Gate
from greenroom.registry import all_gates

FILE_NAME = "greenroom.yaml"


def load_file(path: Path, named: str = "") -> ProjectConfig:
    """The configuration in the file at `path`; errors call it `named`. Raises BadInput as `read_file` and `load` do."""
    named = named or str(path)
    return load(read_file(path, named), named)


def read_file(path: Path, named: str = "") -> str:
    """The text of the file at `path`, for `load`. Errors call it `named`: people may know it by another name.

    Raises BadInput: `config.absent` when there is none, `config.unreadable` when it cannot be read, `config.invalid`
    when it is no text.
    """
    named = named or str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadInput("config.absent", f"there is no {named}", hint="greenroom init writes one") from None
    except OSError as error:
        because = error.strerror or type(error).__name__
        raise BadInput(
            "config.unreadable", f"cannot read {named}", because=because, hint="let your user read it"
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        said = "should be text in UTF-8"
        raise config_error([Problem("", "text in UTF-8", None, named, line, column, said)], named) from None


def load(text: str, filename: str = FILE_NAME, gates: Mapping[str, Gate] | None = None) -> ProjectConfig:
    """The configuration in `text`. Raises BadInput (`config.invalid`) with every problem, and nothing else.

    `gates` stands in for the gates Greenroom has.
    """
    try:
        document = read_yaml(text)
    except YamlProblem as wrong:
        got = printable(wrong.got) if wrong.got else None
        said = f"should be {wrong.expected}" + (f" (got {got})" if got else "")
        path = "/".join(str(p) for p in wrong.path)
        problem = Problem(path, wrong.expected, got, filename, wrong.mark.line, wrong.mark.column, said)
        raise config_error([problem], filename) from None
    if not isinstance(document.data, dict):
        finding = Finding((), "a mapping of settings, such as `project: shop`", document.data)
        raise config_error([located(finding, document, filename)], filename)

    draft, errors = read_draft(document.data)
    pairs, of_gates = _gates(draft, document, all_gates() if gates is None else gates)
    findings = [*from_pydantic(errors, ProjectFile, document), *_broken_rules(draft), *of_gates]
    if findings:
        unique = dict.fromkeys(located(f, document, filename) for f in findings)
        raise config_error(list(unique), filename)
    return project_of(draft.file, draft.path(), draft.kinds(), pairs)


def _broken_rules(draft: Draft) -> Iterator[Finding]:
    for rule in (*rules_release.RULES, *rules_path.RULES, *rules_data.RULES):
        yield from rule(draft)


def _gates(draft: Draft, document: Document, known: Mapping[str, Gate]) -> tuple[dict[str, GatePairs], list[Finding]]:
    """The gates of every environment whose kind is known, and what is wrong with their settings."""
    pairs: dict[str, GatePairs] = {}
    findings: list[Finding] = []
    kinds, names = draft.kinds(), draft.environment_names
    for name, one in draft.path():
        if name in kinds:
            at = ("environments", name, "gates")
            earlier = names[: names.index(name)]
            pairs[name], wrong = gates_for(kinds[name], one.gates, known, document, at, earlier)
            findings += wrong
    return pairs, findings
