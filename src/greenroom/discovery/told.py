"""Verdicts as JSON values, and back: how they travel from the vault to whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.discovery.model import Choice, Harmless, Proposal, Undecided, Verdict


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """`verdict` is `rule`, `harmless` or `undecided`; `rule` and `settings` of an undecided one are a suggestion."""
    told: dict[str, Any] = {
        "column": verdict.column,
        "confidence": verdict.confidence,
        "reason": verdict.reason,
        "follows": verdict.follows,
        "rule": None,
        "settings": {},
    }
    if isinstance(verdict, Proposal):
        return told | {"verdict": "rule", "rule": verdict.rule, "settings": dict(verdict.settings)}
    if isinstance(verdict, Harmless):
        return told | {"verdict": "harmless"}
    suggested = verdict.suggested
    more = {"rule": suggested.rule, "settings": dict(suggested.settings)} if suggested else {}
    return told | {"verdict": "undecided", **more}


def verdict_of(told: Mapping[str, Any]) -> Verdict:
    """What `as_dict` gave. Raises KeyError or ValueError for anything else."""
    column, reason, follows = str(told["column"]), str(told["reason"]), str(told["follows"])
    confidence, rule, settings = float(told["confidence"]), told["rule"], dict(told["settings"])
    kind = told["verdict"]
    if kind == "rule":
        return Proposal(column, str(rule), settings, confidence, reason, follows=follows)
    if kind == "harmless":
        return Harmless(column, confidence, reason, follows)
    if kind == "undecided":
        return Undecided(column, reason, Choice(str(rule), settings) if rule else None, confidence, follows)
    raise ValueError(f"no verdict: {kind!r}")
