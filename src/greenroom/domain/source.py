"""A PostgreSQL server that production's data is read from, because somebody else manages it and no backup of it can be
taken here. Its URL has no password: that is a secret of the source environment."""

from __future__ import annotations

import re
from dataclasses import dataclass

URL_SHOULD = "a URL such as postgresql://reader@db.example.com:5432/shop?sslmode=verify-full, without a password"
URL = re.compile(
    r"postgres(?:ql)?://(?P<user>[^:@/?#\s]+)@(?P<hosts>[^@/?#\s]+)/(?P<database>[^:@/?#\s]+)(?:\?(?P<query>[^@#\s]*))?"
)
PARAMETERS = (
    "channel_binding",
    "gssencmode",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
"""What may stand behind the question mark (libpq, 32.1.2): how the server is trusted, never who enters with what."""


@dataclass(frozen=True)
class SourceServer:
    """`url` is of the form of `URL`; `password` names a secret of the source environment, None: it needs none."""

    url: str
    password: str | None = None

    @property
    def place(self) -> str:
        """Host, port and database, for people: `db.example.com:5432/shop`."""
        found = URL.fullmatch(self.url)
        return f"{found['hosts']}/{found['database']}" if found else "a server"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses without their ports, in lower case."""
        found = URL.fullmatch(self.url)
        named = found["hosts"].split(",") if found else []
        return tuple(_host(one) for one in named)


def _host(named: str) -> str:
    if named.startswith("["):
        return named[1:].partition("]")[0].lower()
    return named.rpartition(":")[0].lower() if named.count(":") == 1 else named.lower()


def problem_of(url: str) -> str | None:
    """What the URL should have been; None when it is well."""
    found = URL.fullmatch(url)
    if found is None:
        return URL_SHOULD
    for part in (found["query"] or "").split("&"):
        name = part.partition("=")[0]
        if name and name not in PARAMETERS:
            return f"a URL whose parameters are among {', '.join(PARAMETERS)}"
    return None
