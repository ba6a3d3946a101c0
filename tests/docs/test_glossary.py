"""The glossary defines the words of the field, each once, in order."""

from __future__ import annotations

import re

from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Role
from tests.docs.pages import ROOT, own_pages

GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
TERM = re.compile(r"^\*\*([^*]+)\*\*: (\S.*)", re.MULTILINE)

WORDS = """project, environment, kind, release, artifact, digest, seal, promotion, plan, step, rollback, rehearsal,
gate, evidence, verdict, decision, approval, override, scope, freeze, window, schedule, test plan, use case, refresh,
masking rule, data label, clearance, clone, parity, drift, waiver, restore point, drill, incident, hotfix, ledger"""
"""The words this product is described in; one spelling everywhere."""


def terms() -> list[str]:
    return [term for term, _ in TERM.findall(GLOSSARY)]


def test_every_word_of_the_field_is_defined() -> None:
    """Each word stands at the beginning of an entry, in its one spelling."""
    wanted = {" ".join(w.split()) for w in WORDS.split(",")}
    assert wanted - set(terms()) == set()


def test_failed_and_errored_are_told_apart() -> None:
    """Both are defined, and each names the other."""
    said = dict(TERM.findall(GLOSSARY))
    blocks = {t: GLOSSARY.split(f"**{t}**: ")[1].split("\n\n")[0] for t in ("failed", "errored")}
    assert set(blocks) <= set(said)
    assert "errored" in blocks["failed"]
    assert "failed" in blocks["errored"]


def test_roles_are_defined() -> None:
    """Whom a role belongs to is said for every role."""
    assert {r.value for r in Role} - set(terms()) == set()


def test_kinds_are_named() -> None:
    """The entry of `kind` names them all, in the path's order."""
    entry = GLOSSARY.split("**kind**: ")[1].split("\n\n")[0]
    at = [entry.index(k.value) for k in Kind]
    assert at == sorted(at)


def test_the_order_is_that_of_the_alphabet() -> None:
    """A reader finds a word where it should be, once."""
    assert terms() == sorted(set(terms()))


def test_stage_is_no_noun_here() -> None:
    """The pages say staging, environment or step; only the motto goes on stage."""
    for page in own_pages():
        assert not re.search(r"(?<!goes on )\bstages?\b", page.prose), page.path
