# pathlib takes longer to import than the whole command needs:
# ruff: noqa: PTH103, PTH105, PTH111, PTH118, PTH120
"""Which control plane to ask, and with which token.

In this order: GREENROOM_URL with GREENROOM_TOKEN; the home that was named; what `greenroom login` kept; the home of
the project here. Problems are `GreenroomError`s, imported only when there is one: `greenroom status` is in a hurry.
"""

from __future__ import annotations

import json
import os
import stat

from greenroom.cli import where

TYPE_CHECKING = False  # typing takes longer to import than this module to run
if TYPE_CHECKING:
    from typing import NoReturn


class Credentials:
    """`source` says in words where they come from. The token is printed nowhere."""

    __slots__ = ("source", "token", "url")

    def __init__(self, url: str, token: str, source: str) -> None:
        self.url, self.token, self.source = url, token, source

    def __repr__(self) -> str:
        return f"Credentials({self.url!r}, …, {self.source!r})"


def find(home: str | None = None) -> Credentials:
    """Raises BadInput (`login.incomplete`, `login.absent`, `login.unreadable`), Refused (`login.exposed`)."""
    url, token = os.environ.get("GREENROOM_URL"), os.environ.get("GREENROOM_TOKEN")
    if url and token:
        return Credentials(url, token, "GREENROOM_URL and GREENROOM_TOKEN")
    if url or token:
        absent = "GREENROOM_TOKEN" if url else "GREENROOM_URL"
        _bad("login.incomplete", f"{absent} is not set, though its partner is", hint="set both, or neither")
    if not home and not os.environ.get("GREENROOM_HOME"):
        kept = _read(login_file())
        if kept:
            return kept
    place = where.home(home)
    if place is None:
        _bad(
            "login.absent",
            "there is no control plane to ask",
            because="no greenroom.yaml lies here or above, and nobody logged in",
            hint="go to the project's repository, or greenroom login URL, or --home DIRECTORY",
        )
    found = _read(os.path.join(place, "private", "api.json"))
    if found is None:
        _bad(
            "login.absent",
            f"there is no control plane in {place}",
            hint="greenroom up starts one; --home names another place",
        )
    return found


def login_file() -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "greenroom", "credentials.json")


def keep(url: str, token: str) -> str:
    """Write the login file, readable by its owner alone; its path."""
    path = login_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token}, file)
    os.replace(temporary, path)
    return path


def _read(path: str) -> Credentials | None:
    """None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                _exposed(path)
            known = json.load(file)
        return Credentials(str(known["url"]), str(known["token"]), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _bad(
            "login.unreadable",
            f"cannot read the token in {path}",
            because=getattr(error, "strerror", None) or "it is not what Greenroom wrote",
            hint="the owner of the home gives you a token of your own: greenroom account add, then greenroom login",
        )


def _bad(code: str, message: str, *, because: str = "", hint: str = "") -> NoReturn:
    from greenroom.domain.errors import BadInput

    raise BadInput(code, message, because=because, hint=hint)


def _exposed(path: str) -> NoReturn:
    from greenroom.domain.errors import Refused

    raise Refused(
        "login.exposed",
        f"others on this machine can read the token in {path}",
        hint=f"chmod 600 {path}, and have the token replaced",
    )
