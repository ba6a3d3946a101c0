"""Reading JavaScript and TypeScript: packages, programs and variables named in plain text.

This is a reading of lines, not a parser: it finds the usual ways of writing, and misses names that are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.sealing.observe.names import is_for_development, words
from greenroom.adapters.sealing.observe.python_scan import Use
from greenroom.domain.release import FindingKind

SUFFIXES = (".js", ".cjs", ".mjs", ".ts", ".jsx", ".tsx")
MAX_FILE = 4 << 20
IMPORTS = re.compile(
    r"""(?:\brequire\s*\(\s*|\bimport\s*\(\s*|\bfrom\s+|^\s*import\s+)["']([^"'./][^"']*)["']""", re.MULTILINE
)
VARIABLES = re.compile(r"""\bprocess\.env(?:\.([A-Za-z_]\w*)|\[\s*["']([^"']+)["']\s*\])(\s*(?:\|\||\?\?|\?\.))?""")
PROGRAMS = re.compile(r"""\b(spawn|spawnSync|execFile|execFileSync|exec|execSync)\s*\(\s*["'`]([^"'`$\s]+)""")
COMMENT = re.compile(r"^\s*(?://|\*|/\*)")
BUILT_IN = words("""
    assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
    events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
    sqlite stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi worker_threads zlib
""")


def scan_tree(root: Path) -> Iterator[tuple[str, Use]]:
    """All uses in the release's own files: not its dependencies, not its tests."""
    for path in sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES):
        relative = path.relative_to(root).as_posix()
        if is_for_development(relative) or path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE:
            continue
        text = path.read_text(errors="replace")
        for use in uses(text):
            yield relative, use


def uses(text: str) -> list[Use]:
    """What one file uses; a `try {` shortly before makes it optional."""
    found = []
    for match in IMPORTS.finditer(text):
        name = package_of(match[1])
        if name not in BUILT_IN:
            found.append(_use(text, match, FindingKind.IMPORT, name, _in_try(text, match.start())))
    for match in VARIABLES.finditer(text):
        found.append(_use(text, match, FindingKind.VARIABLE, match[1] or match[2], bool(match[3])))
    for match in PROGRAMS.finditer(text):
        found.append(_use(text, match, FindingKind.EXECUTABLE, match[2], _in_try(text, match.start())))
    return [u for u in found if not COMMENT.match(text.splitlines()[u.line - 1])]


def package_of(request: str) -> str:
    """The package a module belongs to: `@scope/name/file` → `@scope/name`; `node:fs` → `fs`."""
    parts = request.removeprefix("node:").split("/")
    return "/".join(parts[:2]) if request.startswith("@") else parts[0]


def installed(root: Path) -> frozenset[str]:
    """The packages in the release's node_modules, and its own name."""
    modules = root / "node_modules"
    scoped = {f"{s.name}/{p.name}" for s in modules.glob("@*") for p in s.iterdir()}
    return frozenset({p.name for p in modules.glob("*")} | scoped)


def _use(text: str, match: re.Match[str], kind: FindingKind, name: str, optional: bool) -> Use:
    return Use(kind, name, text.count("\n", 0, match.start()) + 1, optional)


def _in_try(text: str, position: int) -> bool:
    before = text[max(0, position - 300) : position]
    start = before.rfind("try")
    return start >= 0 and re.match(r"try\s*\{[^}]*$", before[start:]) is not None
