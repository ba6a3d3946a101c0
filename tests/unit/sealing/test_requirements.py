"""A lock file names exact versions; everything else is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom.adapters.sealing.languages.requirements import read_pins
from greenroom.domain.errors import BadInput, Refused

H = "sha256:" + "a" * 64


def pins(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "requirements.txt").write_text(text)
    return [p.text for p in read_pins(tmp_path)]


def test_pins_with_hashes_markers_and_includes(tmp_path: Path) -> None:
    """Continuations, comments, markers, extras, hashes and `-r` are understood."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/base.txt").write_text("-r ../requirements.txt\nb===2  # comment\n")
    first = f"A[x]==1 ; python_version > '3' \\\n    --hash={H} \\\n    --hash={H}"
    assert pins(tmp_path, f"# top\n--require-hashes\n{first}\n-r more/base.txt\n") == [
        f"A[x]==1 ; python_version > '3' --hash={H} --hash={H}",
        "b===2",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "flask", "flask>=1", "flask==1.*", "flask==1,<2", "-e .", "./x.whl", "git+https://example.com/x", "x @ http://h/x.whl",
        "--index-url https://example.com/simple", "-f /tmp", "--extra-index-url=https://example.com", "x @ https://h/x.whl",
        "x @ file:///etc/passwd#sha256=" + "a" * 64, "-c constraints.txt", "$(touch x)==1",
    ],
)  # fmt: skip
def test_what_is_not_pinned_is_refused_with_its_line(line: str, tmp_path: Path) -> None:
    """The refusal names file and line."""
    with pytest.raises(Refused) as refused:
        pins(tmp_path, "a==1\n\n" + line + "\n")
    assert refused.value.code == "release.lock_unpinned"
    assert refused.value.facts["where"] == "requirements.txt:3"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hosts", "absent.txt"])
def test_an_include_outside_the_commit_is_bad_input(name: str, tmp_path: Path) -> None:
    """Only files of the commit are read."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "outside.txt").write_text("a==1\n")
    with pytest.raises(BadInput) as bad:
        pins(tmp_path / "tree", f"-r {name}\n")
    assert bad.value.code == "release.lock_missing"
