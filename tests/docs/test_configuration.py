"""The reference of the configuration says what the loader does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from greenroom.config.detect import MemoryTree, detect
from greenroom.config.example import EXAMPLE
from greenroom.config.json_schema import project_schema
from greenroom.config.known import every_model
from greenroom.config.load import load, load_file
from greenroom.config.schema import ProjectFile
from greenroom.config.template import render
from greenroom.config.yaml_text import YamlProblem, read_yaml
from greenroom.domain.kinds import TEMPLATES
from greenroom.registry import all_gates
from tests.unit.config.cases import Case, all_cases

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "configuration.md"
EXAMPLES = sorted((ROOT / "examples").glob("*/greenroom.yaml"))


@pytest.fixture(scope="module")
def published() -> Any:
    """The schema as it is published."""
    schema = json.loads((ROOT / "docs" / "reference" / "greenroom.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), *arguments]
    return subprocess.run(script, capture_output=True, text=True, check=False, timeout=280)


def test_the_pages_are_what_the_code_says() -> None:
    """`--check` finds nothing stale among the pages of the configuration."""
    stale = generate("--check").stderr
    assert "configuration.md" not in stale
    assert "schema.json" not in stale


def test_the_script_says_how_it_is_used() -> None:
    """An unknown argument is refused with the usage."""
    done = generate("--chekc")
    assert done.returncode == 2
    assert "--check" in done.stderr


@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
def test_the_schema_agrees_with_the_loader(case: Case, published: Any) -> None:
    """What the loader takes the schema takes; what only the loader can know is marked in the case."""
    try:
        data = read_yaml(case.text).data
    except YamlProblem:
        return  # no YAML that any schema would see
    refused = not published.is_valid(data)
    assert refused == case.schema_knows


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.parent.name)
def test_the_examples_hold(path: Path, published: Any) -> None:
    """Each example of the project loads, and its editor finds nothing wrong."""
    load_file(path)
    published.validate(read_yaml(path.read_text(encoding="utf-8")).data)


def test_the_example_of_the_reference_holds(published: Any) -> None:
    """The page's example is the one that is loaded here."""
    assert EXAMPLE in PAGE.read_text(encoding="utf-8")
    load(EXAMPLE)
    published.validate(read_yaml(EXAMPLE).data)


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_init_writes_holds(template: str, published: Any) -> None:
    """The first file of a project is valid to editors, too."""
    published.validate(read_yaml(render(detect(MemoryTree({"package.json": "{}"}), "shop"), template)).data)


def test_every_setting_is_explained() -> None:
    """Each key of each section, and each setting of each gate, has a description and a line on the page."""
    page = PAGE.read_text(encoding="utf-8")
    models = list(every_model(ProjectFile).values())
    models += [m for gate in all_gates().values() for m in every_model(gate.Config).values()]
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__module__}.{model.__name__}.{name} is not explained"
            assert f"`{field.alias or name}`" in page or model.__name__ == "VersionFile"


def test_every_gate_has_its_section() -> None:
    """A new gate is on the page as soon as it is there."""
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^### `(\w+)`", page, re.MULTILINE) == list(all_gates())


def test_the_schema_follows_the_gates() -> None:
    """With other gates the schema has other settings."""
    only = {"soak": all_gates()["soak"]}
    assert list(project_schema(only)["$defs"]["Environment"]["properties"]["gates"]["properties"]) == ["soak"]
