"""What a commit says of how it is built and runs: its own greenroom.yaml, else its files."""

from __future__ import annotations

from pathlib import Path

from greenroom.config.load import FILE_NAME, load_file
from greenroom.config.project import ProjectConfig
from greenroom.domain.errors import BadInput
from greenroom.domain.release import Language

SIGNS = (
    (Language.PYTHON, ("requirements.txt", "uv.lock", "pyproject.toml", "Pipfile.lock", "manage.py")),
    (Language.NODE, ("package-lock.json", "package.json")),
)


def committed(tree: Path, commit: str) -> ProjectConfig:
    """The configuration of a commit whose files are in `tree`. Raises BadInput as `load_file` does, in the words of
    whoever made the commit: the tree is gone before they read it."""
    try:
        return load_file(tree / FILE_NAME, f"{FILE_NAME} of commit {commit[:12]}")
    except BadInput as wrong:
        wrong.hint = f"correct {FILE_NAME}, commit, and make the release again"
        raise


def language_of(tree: Path) -> Language:
    """Python or Node by the files that their tools need; none for anything else."""
    for language, names in SIGNS:
        if any((tree / name).is_file() for name in names):
            return language
    return Language.NONE
