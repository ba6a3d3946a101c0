"""The project's pages as the tests of this directory read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_RUN = re.compile(r"<!-- run: (.+?) -->\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file. `path` is relative to the project."""

    path: str
    text: str

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def shown(self) -> dict[str, str]:
        """Output that the page shows, by the command that printed it."""
        return {command: body.removeprefix(f"$ {command}\n") for command, body in _RUN.findall(self.text)}

    def links(self) -> list[str]:
        return _LINK.findall(_CODE.sub("", self.prose))

    def code(self) -> list[str]:
        """What stands between single backticks."""
        return _CODE.findall(self.prose)

    def anchors(self) -> set[str]:
        """What a link to a heading of this page may name, as GitHub makes it."""
        return {anchor(h) for h in _HEADING.findall(self.prose)}


def anchor(heading: str) -> str:
    """Lower case, links as their text, letters, digits, `-` and `_` kept, blanks as hyphens."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def page(path: str) -> Page:
    return Page(path, (ROOT / path).read_text(encoding="utf-8"))


def shape(output: str) -> list[str]:
    """What is the same whenever a command is run again: its words, without numbers, digests, identifiers, days, units
    of time and the lines of boxes, which follow from those."""
    plain = re.sub(r"[─-╿]+", " ", output)
    plain = re.sub(r"\b([a-z]+)-1[0-9a-z]{14}\b", r"\1-ID", plain)
    plain = re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", plain)
    plain = re.sub(r"\b(now|\d+(\.\d+)? (s|min|h|d|days?))\b", "SPAN", plain)
    plain = re.sub(r"SPAN( SPAN)+", "SPAN", plain)  # `1 min 3 s` on a slow machine, `58 s` on another
    plain = re.sub(r"\d+", "N", plain)
    return plain.split()


def pages() -> list[Page]:
    """Every page of the documentation, and those at the top of the project."""
    found = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").glob("*/*.md")]
    return [Page(p.relative_to(ROOT).as_posix(), p.read_text(encoding="utf-8")) for p in sorted(found)]


def own_pages() -> list[Page]:
    """Those written by hand."""
    return [p for p in pages() if not p.text.startswith("<!-- Generated")]


def commands(page: Page) -> Iterator[str]:
    """Every use of `greenroom …` in code of the page, up to a comment or the end of the line."""
    lines = [*page.code(), *(line for block in page.blocks("sh", "bash", "") for line in block.splitlines())]
    for line in lines:
        if match := re.match(r"\s*(?:\$ )?greenroom (.+)", line):
            yield match[1].partition(" #")[0].strip()
