"""Caddy's configuration as a pure function of the sites. It says how to serve, never which release.

Which release answers is read, per request, from a small file (`pointer.py`): one read gives one consistent
route, so a switch or a new canary share is a rename, and no request ever sees half of it.

Limits: 10 s for a request's header to arrive and 64 KiB for its size; idle client connections end after 5
minutes; an application has 2 s to accept a connection and 60 s to begin its answer. Reading a body and writing
an answer have no limit: uploads, downloads and streams take as long as they take. Idle connections to an
application end after 1 s, before any usual server ends them (gunicorn: 2 s), so that no request meets a
closing connection, and a release is drained soon after its last request.

TLS has its place in `_server` (`tls_connection_policies`) and beside `http` in `apps`; here everything is on loopback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.adapters.caddy import pages
from greenroom.domain.errors import BadInput
from greenroom.domain.kinds import ErrorDetail
from greenroom.domain.names import checked_name
from greenroom.ports.edge import Site

Json = dict[str, Any]

LOOPBACK = "127.0.0.1"
ANY_LOOPBACK_NAME = ("127.0.0.1", "localhost")

ROUTE = r"^\d+\n([^\n]+)\n([^\n]+)\n([0-9a-g]{4})\n([^\n]+)\n([^\n]+)$"
"""The route file: token, release, dial, canary's threshold, canary's release, canary's dial; `-` is none."""
RELEASE, DIAL, THRESHOLD, CANARY_RELEASE, CANARY_DIAL = (f"{{http.regexp.route.{n}}}" for n in range(1, 6))

HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z")
"""A host name (RFC 1123) in lower case."""


@dataclass(frozen=True)
class Layout:
    """Where Caddy finds and leaves its files."""

    admin: Path
    routes: Path
    access_log: Path
    state: Path

    def __post_init__(self) -> None:
        for path in (self.admin, self.routes, self.access_log, self.state):
            if set("{}\n") & set(str(path)):
                raise BadInput(
                    "edge.bad_path",
                    f"{path} cannot be used by the edge",
                    because="braces and line ends have a meaning in its configuration",
                    hint="choose another home directory",
                )


def config(sites: Sequence[Site], layout: Layout, *, edge_port: int, hold_seconds: float = 60.0) -> Json:
    """The whole configuration. Raises BadInput (`name.invalid`, `edge.host_invalid`, `edge.host_taken`)."""
    names = _names(sites)
    doors = {s.environment: _site(s, layout, hold_seconds) for s in sites}
    servers = {"edge": _server(edge_port, [_for_hosts(names[s.environment], doors[s.environment]) for s in sites])}
    for s in sites:
        hosts = (*names[s.environment], *ANY_LOOPBACK_NAME)
        servers[f"site-{s.environment}"] = _server(s.port, [_for_hosts(hosts, doors[s.environment])])
        preview = _server(s.preview_port, [_for_hosts(hosts, _preview(s, layout))])
        servers[f"preview-{s.environment}"] = preview
    return {
        "admin": {"listen": f"unix/{layout.admin}|0600", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(layout.state)},
        "logging": _logging(layout),
        "apps": {"http": {"grace_period": "15s", "metrics": {"per_host": True}, "servers": servers}},
    }


def ports(configuration: Json) -> dict[int, str]:
    """Every port the configuration listens on, and the server that does."""
    servers = configuration.get("apps", {}).get("http", {}).get("servers", {})
    return {int(at.rpartition(":")[2]): name for name, server in servers.items() for at in server["listen"]}


def _names(sites: Sequence[Site]) -> dict[str, tuple[str, ...]]:
    owner: dict[str, str] = {}
    names = {}
    for s in sites:
        checked_name(s.environment, "environment")
        own = f"{s.environment}.{checked_name(s.project, 'project')}.localhost"
        names[s.environment] = tuple(dict.fromkeys((own, *map(_checked_host, s.hosts))))
        for host in names[s.environment]:
            if owner.setdefault(host, s.environment) != s.environment or host in ANY_LOOPBACK_NAME:
                raise BadInput(
                    "edge.host_taken",
                    f"host {host} is asked for by {s.environment}",
                    because=f"it already leads to {owner[host]}" if owner[host] != s.environment else "it is ours",
                    hint="give each environment host names of its own",
                )
    return names


def _checked_host(host: str) -> str:
    if not HOST.match(host.lower()):
        raise BadInput("edge.host_invalid", f"{host[:80]!r} is not a host name", hint="write it as shop.example.org")
    return host.lower()


def _server(port: int, routes: list[Json]) -> Json:
    return {
        "listen": [f"{LOOPBACK}:{port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": "10s",
        "idle_timeout": "5m",
        "max_header_bytes": 65536,
        "logs": {"default_logger_name": "access"},
        # Without this last route an unknown host would get an empty 200.
        "routes": [*routes, _FORGET_HOST, pages.plain(421, "no such environment here")],
    }


_FORGET_HOST: Json = {"handle": [{"handler": "headers", "request": {"set": {"Host": ["unknown.invalid"]}}}]}
"""To choose a request's log Caddy tries every label of its host as a wildcard, in quadratic time: a name of thousands
of labels, which no host has, would take a core for a minute. The log shows the name as it came all the same."""


def _for_hosts(hosts: Sequence[str], door: Json) -> Json:
    return {"match": [{"host": list(hosts)}], "handle": [door], "terminal": True}


def _site(site: Site, layout: Layout, hold_seconds: float) -> Json:
    """Everything visitors of one environment meet: held, sent to the canary, or sent to the release."""
    file = layout.routes / site.environment
    held = {
        "match": [{"vars": {DIAL: ["-"]}}],
        "handle": [
            {"handler": "vars", "gr_held": "yes"},
            _log("held", "yes"),
            # Written when the request ends, hence names the release that answered after the wait.
            _log("release", f"{{file.{file}.release}}"),
            # Caddy looks the placeholder up again at every try: a request waits here for the next pointer.
            _proxy(site.errors, f"{{file.{file}.upstream}}", try_seconds=hold_seconds),
        ],
        "terminal": True,
    }
    chosen = (
        f"{CANARY_DIAL} != '-' && ({{http.request.cookie.gr_preview}} == 'canary'"
        f" || {{http.request.uuid}}.substring(0, 4) < {THRESHOLD})"
    )
    canary = {
        "match": [{"expression": chosen}],
        "handle": [_log("release", CANARY_RELEASE), _proxy(site.errors, CANARY_DIAL)],
        "terminal": True,
    }
    serve = {"handle": [_log("release", RELEASE), _proxy(site.errors, DIAL)]}
    return _door(site, "site", str(file), ROUTE, [held, canary, serve])


def _preview(site: Site, layout: Layout) -> Json:
    """The candidate, under the same error policy as the site it is to become."""
    file = layout.routes / f"{site.environment}.preview"
    return _door(site, "preview", str(file), "^(.+)$", [{"handle": [_proxy(site.errors, "{http.regexp.route.1}")]}])


def _door(site: Site, door: str, file: str, pattern: str, routes: list[Json]) -> Json:
    """Read the route file once, and act on it; errors end in the pages the environment's kind allows."""
    named = {"X-Request-Id": [pages.INCIDENT]}
    arrive = {
        "handle": [
            _log("env", site.environment),
            _log("door", door),
            _log("user_agent", "{http.request.header.User-Agent}"),
            _log("content_type", "{http.response.header.Content-Type}"),
            # CGI and WSGI cannot tell `X_Greenroom_User` from `X-Greenroom-User`: names with `_` never pass.
            {"handler": "headers", "request": {"delete": ["*_*", "X-Greenroom-*", "X-Request-Id"]}},
            # A handler of its own, since one applies deletions last. Deferred: the answer's id replaces the
            # application's own instead of standing beside it.
            {"handler": "headers", "request": {"set": named}, "response": {"deferred": True, "set": named}},
            {"handler": "vars", "gr_route": f"{{file.{file}}}"},
        ]
    }
    go = {
        "match": [{"vars_regexp": {"gr_route": {"name": "route", "pattern": pattern}}}],
        "handle": [{"handler": "subroute", "routes": routes}],
        "terminal": True,
    }
    nowhere = {"handle": [{"handler": "error", "status_code": 503, "error": "no release is served here yet"}]}
    waited = {
        "match": [{"vars": {"gr_held": ["yes"]}, "expression": f"{pages.BROKE} == 502"}],
        "handle": [{"handler": "subroute", "routes": pages.held()}],
        "terminal": True,
    }
    why = {"handle": [_log("error", "{http.error}")]}  # Caddy itself logs only errors that nobody handles
    return {
        "handler": "subroute",
        "routes": [arrive, go, nowhere],
        "errors": {"routes": [why, waited, *pages.answers(site.errors, pages.BROKE)]},
    }


def _log(key: str, value: str) -> Json:
    return {"handler": "log_append", "key": key, "value": value}


def _proxy(errors: ErrorDetail, dial: str, *, try_seconds: float = 1.0) -> Json:
    """A proxy to `dial`, which bridges the second a restarting process needs, and hides what it must hide.

    Only a connection that was refused is tried again. What was once sent is not: a request that kills its process
    must not be given to the next one.
    `handle_response` drops the application's headers and text; `intercept` would leak the headers.
    """
    proxy: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial}],
        "load_balancing": {
            "try_duration": f"{round(try_seconds * 1000)}ms",
            "try_interval": "50ms",
            "retry_match": [{"expression": "false"}],
        },
        "transport": {
            "protocol": "http",
            "dial_timeout": "2s",
            "response_header_timeout": "60s",
            "keep_alive": {"enabled": True, "idle_timeout": "1s", "max_idle_conns_per_host": 64},
        },
    }
    if errors is not ErrorDetail.FULL:
        routes = pages.answers(errors, pages.ANSWERED)
        proxy["handle_response"] = [{"match": {"status_code": [5]}, "routes": routes}]
    return proxy


def _logging(layout: Layout) -> Json:
    """Access log as JSON to a file, the rest to stderr; neither with headers: they carry credentials by many names."""
    encoder = {
        "format": "filter",
        "wrap": {"format": "json"},
        "fields": {"request>headers": {"filter": "delete"}, "resp_headers": {"filter": "delete"}},
    }
    writer = {
        "output": "file",
        "filename": str(layout.access_log),
        "mode": "0600",
        "roll_size_mb": 100,
        "roll_keep": 10,
        "roll_gzip": False,
    }
    access = {"include": ["http.log.access"], "encoder": encoder, "writer": writer}
    return {"logs": {"access": access, "default": {"exclude": ["http.log.access"], "encoder": encoder}}}
