"""The clean room names what a release uses and does not declare, and what is wrong when it does not start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenroom.adapters.sealing.tools import Recipe
from greenroom.domain.release import (
    Descriptor,
    FindingKind,
    Health,
    Language,
    Migration,
    MigrationStyle,
    Process,
    Variable,
)  # fmt: skip
from greenroom.ports.artifacts import CleanRoom
from tests.seal_support import NODE, NODE_FILES, PLAIN, PYTHON, open_directory, plain_app, python_app, workshop


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: the build's user comes through here."""
    with open_directory() as made:
        yield made


UNDECLARED = """\
    import subprocess, threading
    try:
        import yaml
    except ImportError:
        yaml = None
    try:
        import orjson
    except KeyError:
        pass
    except ModuleNotFoundError as error:
        print(error)
    os.environ.get("SMTP_HOST")
    os.environ.get("COLOUR", "red")
    os.getenv("SHAPE") or "round"
    os.environ.get("DECLARED"), os.environ["HOME"], os.environ["GREENROOM_RELEASE"]
    subprocess.run(["nl", "app.py"])
    subprocess.run(["echo", "hi"])
    subprocess.run("convert a b", shell=True)
    threading.Thread(target=lambda: open("/etc/hostname").read()).start()
    open("/etc/passwd").read()
    def later():
        import requests
        return requests, subprocess.run(["ffmpeg", "-version"])"""


def said(shown: CleanRoom, *, blocking: bool) -> set[str]:
    return {str(f) for f in shown.findings if f.blocking is blocking}


def test_python_names_all_four_kinds(tmp_path: Path) -> None:
    """Imports, programs, variables and files are named with the line; what the code can do without blocks nothing."""
    descriptor = replace(PYTHON, variables=(Variable("DECLARED"),))
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(imports="", body=UNDECLARED), descriptor)
    assert shown.healthy, shown.output
    lines = {text: n for n, text in enumerate(python_app(imports="", body=UNDECLARED)["app.py"].splitlines(), 1)}

    def at(part: str) -> str:
        return f"app.py:{next(n for text, n in lines.items() if part in text)}"

    assert said(shown, blocking=True) == {
        f"imports `requests`, not in the lock file ({at('import requests')})",
        f"reads `SMTP_HOST`, not in the config schema ({at('SMTP_HOST')})",
        f"runs `ffmpeg`, not declared ({at('ffmpeg')})",
        f"runs `convert`, not declared ({at('convert a b')})",
        f"runs `nl`, not declared ({at('app.py')})",
        f"opens `/etc/hostname`, outside the release and not declared ({at('/etc/hostname')})",
    }
    assert said(shown, blocking=False) == {
        f"imports `yaml`, not in the lock file ({at('import yaml')})",
        f"imports `orjson`, not in the lock file ({at('import orjson')})",
        f"reads `COLOUR`, not in the config schema ({at('COLOUR')})",
        f"reads `SHAPE`, not in the config schema ({at('SHAPE')})",
    }


def test_declared_things_are_not_named(tmp_path: Path) -> None:
    """What the descriptor declares is there and is no finding."""
    body = '    import subprocess\n    subprocess.run(["nl", "app.py"], check=True)\n    open("/etc/shells").read()'
    descriptor = replace(PYTHON, executables=("nl",), files=("/etc/shells",))
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(imports="", body=body), descriptor)
    assert (shown.healthy, shown.findings) == (True, ()), shown.output


def test_an_import_that_stops_the_start_is_named(tmp_path: Path) -> None:
    """A missing import deep in a dependency blocks when the start fails of it."""
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(imports="\nimport psycopg2"), PYTHON)
    assert not shown.healthy
    assert "imports `psycopg2`, not in the lock file (app.py:2)" in said(shown, blocking=True)
    assert "No module named 'psycopg2'" in shown.output


@pytest.mark.needs("node")
def test_node_names_what_it_misses(tmp_path: Path) -> None:
    """Packages, programs and variables of a Node.js release are named with the line."""
    extra = (
        'const cp = require("node:child_process");\ncp.spawnSync("ffmpeg", []);\n'
        'try { require("optional-thing"); } catch {}\n'
        'const host = process.env.SMTP_HOST, colour = process.env.COLOUR || "red";\n'
        'const later = () => require("left-pad");\n'
    )
    with workshop(tmp_path, recipe=Recipe(Language.NODE)) as shop:
        shown = shop.start(NODE_FILES | {"server.js": extra + NODE_FILES["server.js"]}, NODE)
    assert shown.healthy, shown.output
    assert said(shown, blocking=True) == {
        "imports `left-pad`, not in the lock file (server.js:5)",
        "reads `SMTP_HOST`, not in the config schema (server.js:4)",
        "runs `ffmpeg`, not declared (server.js:2)",
    }
    assert "imports `optional-thing`, not in the lock file (server.js:3)" in said(shown, blocking=False)


def test_a_plain_program_names_what_it_runs(tmp_path: Path) -> None:
    """A shell script's undeclared program is named, though no language was looked into."""
    script = "#!/bin/sh\nnl serve\nexec ./real\n"
    files = {"serve": script, "real": plain_app()["serve"]}
    with workshop(tmp_path, recipe=Recipe(Language.NONE)) as shop:
        shown = shop.start(files, PLAIN)
    assert shown.healthy, shown.output
    assert [(f.kind, f.name) for f in shown.blocking] == [(FindingKind.EXECUTABLE, "nl")]


IMPATIENT = replace(PYTHON, health=replace(PYTHON.health, boot_seconds=2.0))
"""All others end by themselves, and have the time that a busy machine takes for it."""
BAD_STARTS = [
    ("    print('cannot go on'); raise SystemExit(3)", PYTHON, "ended at once (exit code 3)", "cannot go on"),
    ("    import time; time.sleep(60)", IMPATIENT, "did not become healthy", "nobody listened"),
    ("    pass", replace(PYTHON, health=Health("/", status=204, boot_seconds=10.0)), "answered 200, not 204", ""),
    (
        "    def finish(answer):\n        answer.wfile.flush()\n        os._exit(0)\n    Answer.finish = finish",
        PYTHON,
        "answered once and ended",
        "",
    ),
    ("    os.kill(os.getpid(), 9)", PYTHON, "ended at once (a signal)", ""),
]


@pytest.mark.parametrize(("body", "descriptor", "why", "output"), BAD_STARTS)
def test_a_bad_start_says_what_was_wrong(
    body: str, descriptor: Descriptor, why: str, output: str, tmp_path: Path
) -> None:
    """A process that ends, is killed, never listens or answers wrongly is unhealthy, and the output says so."""
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(body=body), descriptor)
    assert not shown.healthy
    assert why in shown.output
    assert output in shown.output


def test_generated_values_are_redacted(tmp_path: Path) -> None:
    """A secret the clean room made up does not appear in the output that people read."""
    body = "    print('key is', os.environ['KEY'])\n    raise SystemExit(1)"
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(body=body), replace(PYTHON, variables=(Variable("KEY", secret=True),)))
    assert "key is ••••" in shown.output


def test_a_process_that_ignores_sigterm_is_killed_and_named(tmp_path: Path) -> None:
    """It counts as healthy, its end is forced, and whoever waits is told."""
    body = "    import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    descriptor = replace(PYTHON, processes=(Process("web", ("python", "app.py"), stop_seconds=0.5),))
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(body=body), descriptor)
        assert shown.healthy
        assert any("did not end within 0.5 s of SIGTERM" in line for line in shop.said)


def test_a_failing_migration_is_named(tmp_path: Path) -> None:
    """The start ends with the migration's own words."""
    migration = Migration(MigrationStyle.COMMAND, ("python", "-c", "raise SystemExit('no such column')"))
    with workshop(tmp_path) as shop:
        shown = shop.start(python_app(), replace(PYTHON, migration=migration))
    assert not shown.healthy
    assert "the migration failed (exit code 1)" in shown.output
    assert "no such column" in shown.output


def test_the_start_changes_nothing_that_is_sealed(tmp_path: Path) -> None:
    """A release that writes into its own directory, or tries to, has the digest it would have had."""
    body = (
        "    try:\n        open('app.py', 'a').write('# changed')\n        open('new.txt', 'w').write('x')\n"
        "    except OSError as error:\n        print(error)"
    )
    with workshop(tmp_path) as shop:
        built = shop.build(python_app(body=body), PYTHON)
        before = shop.sealer.seal(built, "w1", shop.said.append).digest
        assert shop.sealer.clean_room(built, "w1", shop.said.append).healthy
        assert shop.sealer.seal(built, "w1", shop.said.append).digest == before
