"""The reference of the command line and of the API is what the code says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from reference_pages import api as api_page  # noqa: E402
from reference_pages import cli as cli_page  # noqa: E402


@pytest.mark.parametrize("path", [*api_page.PAGES, *cli_page.PAGES])
def test_the_page_is_what_the_code_says(path: str) -> None:
    """`make docs` was run after the last change."""
    page = {**api_page.PAGES, **cli_page.PAGES}[path]
    assert (ROOT / path).read_text(encoding="utf-8") == page()


def test_every_command_has_its_section_and_example() -> None:
    """Named as it is called."""
    text = (ROOT / "docs/reference/cli.md").read_text()
    for words, _ in cli_page.commands():
        section = text.partition(f"### greenroom {' '.join(words)}\n")[2].partition("\n### ")[0]
        assert "```sh\ngreenroom " in section, words


def test_every_route_has_its_section_and_operation() -> None:
    """With a summary of its own, an operation id of its own, and described errors."""
    document = json.loads((ROOT / "docs/reference/openapi.json").read_text())
    text = (ROOT / "docs/reference/api.md").read_text()
    seen = set()
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert f"#### `{method.upper()} {path}`" in text
            assert route["operationId"] not in seen
            seen.add(route["operationId"])
            assert path == "/healthz" or "4XX" in route["responses"], path
            assert route["summary"] != route["operationId"].replace("_", " ").title(), f"{path} has no summary"
