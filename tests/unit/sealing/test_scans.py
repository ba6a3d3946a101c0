"""Reading files: what they use, and what they can do without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from greenroom.adapters.sealing.observe import elf, node_scan, python_scan
from greenroom.adapters.sealing.observe.names import Declared, is_for_development
from greenroom.domain.release import Descriptor, FindingKind, Language, Process, Variable


def python(tmp_path: Path, text: str) -> set[tuple[str, str, bool]]:
    path = tmp_path / f"m{len(list(tmp_path.iterdir()))}.py"
    path.write_text(text)
    return {(u.kind.value, u.name, u.optional) for u in python_scan.uses(path)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b, c", {("import", "a", False), ("import", "c", False)}),
        ("from a import b", {("import", "a", False)}),
        ("from . import b\nfrom .c import d", set()),
        ("try:\n import a\nexcept ImportError: pass", {("import", "a", True)}),
        ("try:\n import a\nexcept (ValueError, ModuleNotFoundError): pass", {("import", "a", True)}),
        ("try:\n import a\nexcept: pass", {("import", "a", True)}),
        ("try:\n import a\nexcept KeyError: pass", {("import", "a", False)}),
        ("try: pass\nexcept ImportError:\n import a", {("import", "a", False)}),
        ("if TYPE_CHECKING:\n import a\nelse:\n import b", {("import", "a", True), ("import", "b", False)}),
        ("with suppress(ImportError):\n f = __import__\n x = os.environ['A']", {("variable", "A", False)}),
        ("os.environ['A'] = 'x'", set()),
        ("os.environ['A']", {("variable", "A", False)}),
        ("try:\n os.environ['A']\nexcept KeyError: pass", {("variable", "A", True)}),
        ("os.environ.get('A')", {("variable", "A", False)}),
        ("os.getenv('A', 'x'); environ.get('B', default=1)", {("variable", "A", True), ("variable", "B", True)}),
        ("os.getenv('A') or 'x'", {("variable", "A", True)}),
        ("'x' or os.getenv('A')", {("variable", "A", False)}),
        ("'A' in os.environ", {("variable", "A", True)}),
        ("os.environ[name]", set()),
        ("subprocess.run(['ffmpeg', x])", {("executable", "ffmpeg", False)}),
        ("subprocess.run('a b', shell=True)", {("executable", "a", False)}),
        ("os.system('a | b')", {("executable", "a", False)}),
        ("shutil.which('a')", {("executable", "a", True)}),
        ("subprocess.run([sys.executable, 'x'])", set()),
        ("not python at all (", set()),
        ("\0", set()),
    ],
)
def test_python_uses(text: str, found: set[tuple[str, str, bool]], tmp_path: Path) -> None:
    """Each way of writing is read for what it is."""
    assert python(tmp_path, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("require('a/b'); import x from '@s/p/q'", {("import", "a", False), ("import", "@s/p", False)}),
        ("require('./a'); import '../b'; require('node:fs'); require('fs')", set()),
        ("try { require('a') } catch {}", {("import", "a", True)}),
        ("process.env.A; process.env['B']", {("variable", "A", False), ("variable", "B", False)}),
        ("process.env.A || 'x'; process.env.B ?? 1", {("variable", "A", True), ("variable", "B", True)}),
        ("// process.env.A\n * require('x')", set()),
        ("cp.execFile('ffmpeg', [])", {("executable", "ffmpeg", False)}),
    ],
)
def test_node_uses(text: str, found: set[tuple[str, str, bool]]) -> None:
    """The usual ways of writing are found; comments are not."""
    assert {(u.kind.value, u.name, u.optional) for u in node_scan.uses(text)} == found


def test_elf_names_the_libraries_it_needs(tmp_path: Path) -> None:
    """A system program needs libc; what is cut off or damaged needs nothing and raises nothing."""
    data = Path(shutil.which("sh") or "/bin/sh").read_bytes()
    program = tmp_path / "program"
    program.write_bytes(data)
    assert any(name.startswith("libc.") for name in elf.needed(program))
    assert list(elf.missing_libraries(tmp_path)) == []
    wanted = next(n for n in elf.needed(program) if n.startswith("libc."))
    program.write_bytes(data.replace(wanted.encode(), wanted.replace("libc", "libq").encode()))
    assert list(elf.missing_libraries(tmp_path)) == [(wanted.replace("libc", "libq"), "program")]
    for cut in (5, 70, 200, len(data) // 2):
        program.write_bytes(data[:cut])
        elf.needed(program)


def test_what_is_given_is_not_declared() -> None:
    """Names that Greenroom or the platform give, and what the release declares, are no findings."""
    descriptor = Descriptor(
        "shop", "1", Language.PYTHON, (Process("web", ("x",)),), variables=(Variable("A"),),
        executables=("/usr/bin/ffmpeg",), files=("/srv/fonts",),
    )  # fmt: skip
    declared = Declared.by(descriptor, frozenset({"python"}), (Path("/release"),))
    assert all(map(declared.has_variable, ("A", "PATH", "PORT", "GREENROOM_URL", "LC_TIME")))
    assert not declared.has_variable("SMTP_HOST")
    assert all(map(declared.has_program, ("ffmpeg", "sh", "python", "/release/bin/x", "./x")))
    assert not any(map(declared.has_program, ("convert", "/usr/bin/convert", "/releases/x")))
    assert all(map(declared.has_place, ("/srv/fonts/a.ttf", "/release", "/usr/share/zoneinfo/UTC", "/etc/passwd")))
    assert not any(map(declared.has_place, ("/srv/fontsx", "/etc/shadow", "/home/x")))


def test_files_of_development_are_left_out() -> None:
    """Tests and documentation may use what a release does not carry."""
    assert all(map(is_for_development, ("tests/a.py", "a/test_b.py", "conftest.py", "docs/conf.py", "x.spec.js")))
    assert not any(map(is_for_development, ("app.py", "shop/testing.py", "contest.py")))
    assert {FindingKind.IMPORT} <= set(python_scan.CATCH)
