"""A control plane's address. A token travels in the clear only to this machine."""

from __future__ import annotations

PORTS = {"http": 80, "https": 443}
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_NUMERIC = frozenset("0123456789abcdef:.")


def parsed(url: str) -> tuple[str, str, int]:
    """Scheme, host (without brackets), port. Raises BadInput (`login.url`), Refused (`login.plain`)."""
    scheme, _, rest = url.strip().lower().removesuffix("/").partition("://")
    host, port = _split(rest)
    if scheme not in PORTS or not host or not (port == "" or (port.isdecimal() and 0 < int(port) < 65536)):
        from greenroom.domain.errors import BadInput

        raise BadInput("login.url", f"{url[:200]!r} is not a control plane's address", hint="https://HOST:PORT")
    if scheme == "http" and not is_loopback(host):
        from greenroom.domain.errors import Refused

        raise Refused(
            "login.plain",
            f"a token is not sent to {host} unencrypted",
            hint="use https, or a tunnel to 127.0.0.1 (ssh -L)",
        )
    return scheme, host, int(port or PORTS[scheme])


def _split(rest: str) -> tuple[str, str]:
    """Host and the text of the port; an empty host for what is none."""
    if rest.startswith("["):
        host, closed, after = rest[1:].partition("]")
        fits = closed and set(host) <= _NUMERIC and (after == "" or after.startswith(":"))
        return (host, after[1:]) if fits else ("", "")
    host, _, port = rest.partition(":")
    return (host if set(host) <= _HOST else ""), port


def is_loopback(host: str) -> bool:
    """True for names and numbers that never leave this machine (RFC 1122, 3.2.1.3; RFC 6761, 6.3)."""
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(p.isdecimal() and int(p) < 256 for p in parts)
