"""What a commit is written in, when its configuration does not say."""

from __future__ import annotations

from pathlib import Path

from greenroom.domain.release import Language

SIGNS = (
    (Language.PYTHON, ("requirements.txt", "uv.lock", "pyproject.toml", "Pipfile.lock", "manage.py")),
    (Language.NODE, ("package-lock.json", "package.json")),
)


def language_of(tree: Path) -> Language:
    """Python or Node by the files that their tools need; none for anything else."""
    for language, names in SIGNS:
        if any((tree / name).is_file() for name in names):
            return language
    return Language.NONE
