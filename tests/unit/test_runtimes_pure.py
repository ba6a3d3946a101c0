"""The pure parts of the process runtime: words, sandbox arguments, redaction, ports."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.runtimes import elf
from greenroom.adapters.runtimes.ports import free_port
from greenroom.adapters.runtimes.running import LONGEST_LINE, TAIL_BYTES, Output
from greenroom.adapters.runtimes.sandbox import Identity, Sandbox, bwrap_argv, loader_prefix
from greenroom.domain.command import expand
from greenroom.domain.errors import BadInput
from greenroom.domain.secret import Secret

BWRAP = Path("/usr/bin/bwrap")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)


@pytest.mark.parametrize(
    ("word", "becomes"),
    [("$A", "x y"), ("${A}", "x y"),
     ("a$A-b", "ax y-b"), ("$$A", "$A"), ("$", "$"), ("$1", "$1"), ("${A}${A}", "x yx y"),
     ("$B", "$A"), ("`$A`;$(A)", "`x y`;$(A)"), ("100$", "100$")],
)  # fmt: skip
def test_variables_are_replaced_once(word: str, becomes: str) -> None:
    """No shell, no second round, `$$` for a dollar."""
    assert expand([word], {"A": "x y", "B": "$A"}) == (becomes,)


@pytest.mark.parametrize("word", ["$NOPE", "${NOPE}", "${}", "${A B}", "${A:-x}"])
def test_unknown_variables_are_refused(word: str) -> None:
    """Also what a shell would understand and we do not."""
    with pytest.raises(BadInput) as caught:
        expand([word], {"A": "x"})
    assert caught.value.code == "command.unknown_variable"


@given(st.lists(st.text(), max_size=5), st.dictionaries(NAMES, st.text()))
def test_the_number_of_words_never_changes(words: list[str], env: dict[str, str]) -> None:
    """A value cannot become a word of its own; escaping makes any text pass unchanged."""
    escaped = [w.replace("$", "$$") for w in words]
    assert expand(escaped, env) == tuple(words)
    assert len(expand([f"${{{name}}}" for name in env], env)) == len(env)


def sandbox(**more: object) -> Sandbox:
    base = {
        "read_only": (Path("/r/rel"),),
        "writable": (Path("/e/data"),),
        "cwd": Path("/r/rel"),
        "tmp": Path("/e/tmp"),
    }
    return Sandbox(**{**base, **more})  # type: ignore[arg-type]


def pairs(words: tuple[str, ...], option: str) -> set[str]:
    return {words[i + 1] for i, w in enumerate(words) if w == option}


def test_the_sandbox_shows_what_was_asked_and_no_more() -> None:
    """Everything of the machine is read-only; only the environment's own is writable; / is closed at the end."""
    words = bwrap_argv(BWRAP, sandbox(), ["app"], info_fd="{info_fd}")
    assert pairs(words, "--bind") == {"/e/data", "/e/tmp"}
    assert pairs(words, "--ro-bind") <= {"/r/rel", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}
    assert all(p.startswith("/etc/") for p in pairs(words, "--ro-bind-try"))
    assert not {"/etc/shadow", "/etc/passwd", "/etc/ssl/private"} & pairs(words, "--ro-bind-try")
    assert words.index("--remount-ro") > max(i for i, w in enumerate(words) if w in ("--bind", "--ro-bind", "--dir"))
    assert {"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--new-session"} <= set(words)
    assert words[words.index("--info-fd") + 1] == "{info_fd}"
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert "--die-with-parent" not in words
    assert "--unshare-net" not in words
    assert words[-2:] == ("--", "app")


def test_no_network_and_death_with_the_parent_are_options() -> None:
    """A clean room has no network; a command dies with who ran it, also after it changed its user."""
    closed = sandbox(network=False, die_with_parent=True, identity=Identity(5, 6, (7, 8)))
    words = bwrap_argv(BWRAP, closed, ["app"], info_fd=None)
    assert {"--unshare-net", "--die-with-parent"} <= set(words)
    assert "--info-fd" not in words
    inner = words[words.index("--") + 1 :]
    assert inner[:7] == ("/usr/bin/setpriv", "--reuid", "5", "--regid", "6", "--groups", "7,8")
    assert inner[-4:] == ("--pdeathsig", "KILL", "--", "app")
    assert {"--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"} <= set(inner)


def test_nothing_is_mounted_inside_a_directory_the_application_writes() -> None:
    """A home below /tmp: the sandbox's /tmp is in memory, for the application could have laid links in its own."""
    words = bwrap_argv(BWRAP, sandbox(writable=(Path("/tmp/home/data"),)), ["app"], info_fd=None)
    assert "/e/tmp" not in words
    assert words[words.index("--tmpfs") + 1] == "/tmp"


def test_parents_are_mounted_before_what_lies_in_them() -> None:
    """A mount would hide what was mounted below it before."""
    words = bwrap_argv(BWRAP, sandbox(read_only=(Path("/a/b/c"), Path("/a"), Path("/a/b"))), ["app"], info_fd=None)
    assert [w for w in words if w in ("/a", "/a/b", "/a/b/c")][-6::2] == ["/a", "/a/b", "/a/b/c"]


@given(st.dictionaries(st.one_of(NAMES, st.sampled_from(["LD_PRELOAD", "LD_X", "GLIBC_TUNABLES"])), st.text()))
def test_loader_variables_reach_only_the_application(env: dict[str, str]) -> None:
    """Nothing is lost, and what chooses code is not set where the sandbox is built."""
    outer, prefix = loader_prefix(env)
    assert not any(k.startswith("LD_") or k == "GLIBC_TUNABLES" for k in outer)
    assert {**outer, **dict(w.split("=", 1) for w in prefix[1:])} == env


def output(tmp_path: Path, *secrets: str) -> Output:
    return Output(tmp_path / "log", [Secret(s) for s in secrets], None)


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_output_is_the_same_however_it_arrives(chunks: list[bytes]) -> None:
    """Cut anywhere, the log and the tail hold the same lines."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Output(Path(folder) / "a", [], None)
        cut = Output(Path(folder) / "b", [], None)
        whole.feed(b"".join(chunks))
        for chunk in chunks:
            cut.feed(chunk)
        whole.close()
        cut.close()
        assert whole.tail() == cut.tail()
        assert (Path(folder) / "a").read_bytes() == (Path(folder) / "b").read_bytes()


def test_a_secret_cut_in_two_is_redacted(tmp_path: Path) -> None:
    """It arrives in pieces, it lies across the end of a very long line: it is never seen."""
    made = output(tmp_path, "correct-horse")
    made.feed(b"correct-")
    made.feed(b"horse\n")
    made.feed(b"x" * (LONGEST_LINE - 5) + b"correct-horse" + b"y" * LONGEST_LINE + b"\n")
    made.close()
    assert "horse" not in made.tail()
    assert b"horse" not in (tmp_path / "log").read_bytes()


def test_the_tail_is_bounded_and_whole_characters(tmp_path: Path) -> None:
    """However long the lines."""
    made = output(tmp_path)
    made.feed("€".encode() * 100_000)
    made.feed(b"\nend\n")
    made.close()
    assert len(made.tail().encode()) <= TAIL_BYTES
    assert made.tail().endswith("€\nend\n")
    assert "\ufffd" not in made.tail()


def test_a_torn_port_file_is_no_obstacle(tmp_path: Path) -> None:
    """It only forgets who was given a port in the last minutes."""
    ledger = tmp_path / "ports.json"
    for text in ("{", "[]", '{"x": 1}', '{"21000": "soon"}', ""):
        ledger.write_text(text)
        assert 21000 <= free_port(ledger, "dev") <= 27999


def test_two_homes_do_not_take_each_others_ports(tmp_path: Path) -> None:
    """While what was given one is down, nobody listens on it, and another home does not get it for the same name."""
    given = []
    for home in ("one", "other"):
        (tmp_path / home).mkdir()
        given.append([free_port(tmp_path / home / "ports.json", name) for name in ("dev", "mail-dev", "qa", "mail-qa")])
    assert given[0] != given[1]


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_reader_of_programs(data: bytes) -> None:
    """What only begins like a program has no run path, and nothing is raised."""
    for found in elf.run_paths(b"\x7fELF\x02\x01" + data):
        assert found.text in data


def test_a_run_path_becomes_relative_and_nothing_else_changes() -> None:
    """Only the entries that lead into the tree, within the room there is; other bytes stay as they are."""
    long = tiny_program(b"/old/a/very/long/way/lib:/usr/lib\0rest")
    moved = elf.relocated(long, Path("/old/a/very/long/way/bin/app"), Path("/old/a/very/long/way"))
    assert moved is not None
    assert elf.run_paths(moved)[0].text == b"$ORIGIN/../lib:/usr/lib"
    assert len(moved) == len(long)
    assert moved.endswith(b"rest")
    assert elf.relocated(long, Path("/elsewhere/bin/app"), Path("/elsewhere")) is None


def test_a_run_path_without_room_is_an_error() -> None:
    """It is said, not cut off."""
    with pytest.raises(ValueError):
        elf.relocated(tiny_program(b"/t/l\0"), Path("/t/a/b/c/d/app"), Path("/t"))


def tiny_program(text: bytes) -> bytes:
    """An ELF file of one loaded segment: header, two program headers, a dynamic section, and the text."""
    dynamic, strings = 64 + 2 * 56, 64 + 2 * 56 + 3 * 16
    size = strings + len(text)
    header = b"\x7fELF\x02\x01".ljust(32, b"\0") + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0x1000, 0, size, size, 1)
    section = struct.pack("<IIQQQQQQ", 2, 4, dynamic, 0x1000 + dynamic, 0, 48, 48, 1)
    entries = struct.pack("<qQqQqQ", 5, 0x1000 + strings, 29, 0, 0, 0)
    return header.ljust(64, b"\0") + load + section + entries + text
