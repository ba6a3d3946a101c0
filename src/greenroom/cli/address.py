"""A control plane's address. A token travels in the clear only to this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenroom.domain.errors import Errored

_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(?P<port>\d{1,5}))?/?")
_LOOPBACK = re.compile(r"localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]")


def parsed(url: str) -> tuple[str, str, int]:
    """Scheme, host, port. Raises BadInput (`login.url`), Refused (`login.plain`)."""
    match = _URL.fullmatch(url.strip())
    if match is None or int(match["port"] or 1) > 65535:
        from greenroom.domain.errors import BadInput

        raise BadInput("login.url", f"{url[:200]!r} is not a control plane's address", hint="https://HOST:PORT")
    scheme, host = match["scheme"], match["host"].lower()
    if scheme == "http" and not _LOOPBACK.fullmatch(host):
        from greenroom.domain.errors import Refused

        raise Refused(
            "login.plain",
            f"a token is not sent to {host} unencrypted",
            hint="use https, or a tunnel to 127.0.0.1 (ssh -L)",
        )
    return scheme, host, int(match["port"] or (443 if scheme == "https" else 80))


def checked(url: str) -> tuple[str, int]:
    """Host (without brackets) and port."""
    _, host, port = parsed(url)
    return host.strip("[]"), port


def unreachable(url: str, error: Exception) -> Errored:
    from greenroom.domain.errors import Errored as Kind

    return Kind(
        "api.unreachable",
        f"the control plane at {url} does not answer",
        because=str(error) or type(error).__name__,
        hint="greenroom up starts it; applications go on without it",
    )
