"""What the pages point to is there: pages, headings, files, commands, errors, keys."""

from __future__ import annotations

import re

import pytest
import typer

from greenroom.cli.root import build
from tests.docs.pages import ROOT, Page, commands, own_pages, pages

PATH = re.compile(r"(?:src|tests|scripts|docs|examples|bench|\.ci)/[\w./-]+")
CODE = re.compile(r"[a-z_]+\.[a-z_]+(?:\.[a-z_]+)?")
ALL = {p.path: p for p in pages()}
PLACEHOLDERS = re.compile(r"NAME|ENV\b|\.\.\.|…")


def ids(page: Page) -> str:
    return page.path


@pytest.mark.parametrize("page", ALL.values(), ids=ids)
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    """A link names a file that exists, and a heading that this file has."""
    for link in page.links():
        if re.match(r"[a-z]+:", link):
            continue
        file, _, heading = link.partition("#")
        target = (ROOT / page.path).parent / file if file else ROOT / page.path
        assert target.exists(), f"{page.path} links to {link}, which is not there"
        if heading:
            known = ALL[target.resolve().relative_to(ROOT).as_posix()].anchors()
            assert heading in known, f"{page.path} links to the heading {link}, which is not there"


@pytest.mark.parametrize("page", own_pages(), ids=ids)
def test_every_path_that_is_named_exists(page: Page) -> None:
    """`src/…`, `tests/…` and the like in a page are files or directories of the project."""
    for text in page.code():
        if PATH.fullmatch(text) and not PLACEHOLDERS.search(text):
            assert (ROOT / text).exists(), f"{page.path} names {text}, which is not there"


def _known() -> dict[str, object]:
    """Every command by its words: `release list`."""
    found: dict[str, object] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[" ".join(words)] = command
            return
        found[" ".join(words)] = command
        for name, one in inner.items():
            walk(one, (*words, name))

    walk(typer.main.get_command(build()), ())
    return found


@pytest.mark.parametrize("page", own_pages(), ids=ids)
def test_every_command_that_is_named_exists(page: Page) -> None:
    """`greenroom NOUN VERB --option` in a page is a command with that option."""
    known = _known()
    for text in commands(page):
        words = text.replace(";", " ").split()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        assert name is not None, f"{page.path} names `greenroom {text}`, which is no command"
        if name == words[0] == "release" and len(words) > 1 and not words[1].startswith("-"):
            continue  # greenroom release [COMMIT]
        if name == words[0] == "clone":
            name = "clone make"
        options = {o for p in known[name].params for o in p.opts + p.secondary_opts}  # type: ignore[attr-defined]
        for word in words:
            if word.startswith("--"):
                given = word.partition("=")[0]
                assert given in options, f"{page.path}: greenroom {name} has no {given}"


EVENTS = {
    event
    for path in (ROOT / "src").rglob("*.py")
    for event in re.findall(r'\b(?:log\.\w+|level)\(\s*"([a-z_]+\.[a-z_]+)"', path.read_text())
}
"""What the control plane's log calls its lines."""


@pytest.mark.parametrize("page", own_pages(), ids=ids)
def test_every_error_that_is_named_can_be_raised(page: Page) -> None:
    """A code such as `bake.worse` in a page is one of the reference of errors."""
    reference = ALL["docs/reference/errors.md"]
    known = set(re.findall(r"^### `(.+)`$", reference.text, re.MULTILINE))
    families = {code.partition(".")[0] for code in known}
    for text in page.code():
        if CODE.fullmatch(text) and text.partition(".")[0] in families and not _is_other(text):
            assert text in known, f"{page.path} names the error {text}, which nothing raises"


def _is_other(text: str) -> bool:
    """Dotted words that are no errors: files, keys of the configuration, functions, events of ledger and log."""
    endings = (".py", ".md", ".db", ".json", ".log", ".key", ".toml", ".yaml", ".sock", ".guard", ".ok")
    keys = ("release.timeout", "migration.timeout", "migration.contracts", "migration.down", "health.boot", "bake.for")
    others = ("canary.hold", "account.granted", "release.version")
    others += ("clone.created", "clone.dropped", "clone.expired", "clone.reset")
    return text.endswith(endings) or text in keys + others or text in EVENTS


def test_decisions_are_numbered_and_listed() -> None:
    """Each has the number and the title under which the list of decisions leads to it."""
    folder = ROOT / "docs/contribute/decisions"
    listed = re.findall(r"\| \[(\d{4})\]\((\S+)\) \| (.+) \|", (folder / "README.md").read_text())
    found = [(p.name[:4], p.name, p.read_text().partition("\n")[0]) for p in sorted(folder.glob("0*.md"))]
    assert [(number, name, f"# {number}: {title}") for number, name, title in listed] == found
    assert [number for number, _, _ in listed] == [f"{n:04d}" for n in range(1, len(listed) + 1)]
