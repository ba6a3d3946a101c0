"""What visitors see instead of an application's error, as Caddy routes.

The pages need nothing from elsewhere, carry no text of the application, and print nothing a visitor sent but
the method, which HTTP limits to token characters (RFC 9110, 5.6.2): `static_response` does not escape.
"""

from __future__ import annotations

import json
from typing import Any

from greenroom.domain.kinds import ErrorDetail

Route = dict[str, Any]

INCIDENT = "{http.request.uuid}"
ANSWERED = "{http.reverse_proxy.status_code}"
"""The status an application answered; known inside `handle_response`."""
BROKE = "{http.error.status_code}"
"""The status Caddy gives an application that did not answer; known inside `errors`."""

RETRY_AFTER_SECONDS = 10

_STYLE = """
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.05rem/1.6 system-ui,sans-serif;
background:#f6f5f2;color:#1c1b19}
main{max-width:34rem;padding:2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}
code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dd{margin:0}
.small{color:#5c5850;font-size:.95rem}
@media(prefers-color-scheme:dark){body{background:#1b1a18;color:#f1efe9}.small{color:#b5b0a5}}
""".strip()

# No scripts, no frames, no requests: a page that is only text cannot be made to do anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

# JSON where it is asked for and HTML is not: `application/json, */*` yes, `text/html,*/*;q=0.8` no, `*/*` no.
_WANTS_JSON = [
    {
        "header_regexp": {"Accept": {"pattern": "(?i)[/+]json"}},
        "not": [{"header_regexp": {"Accept": {"pattern": "(?i)text/html|application/xhtml"}}}],
    }
]


def answers(detail: ErrorDetail, status: str) -> list[Route]:
    """Routes that answer `status` (a placeholder or a number) in the words that `detail` allows."""
    if detail is ErrorDetail.FULL:
        return [_route("text/plain; charset=utf-8", f"{status} {{http.error.message}}\nincident {INCIDENT}\n", status)]
    if detail is ErrorDetail.MEDIUM:
        facts = {"status": status, "method": "{http.request.method}"}
        return _both("application_error", f"The application answered {status}", _MEDIUM, status, facts)
    return _both("internal_error", "Something went wrong on our side", _FRIENDLY, status, {})


def held() -> list[Route]:
    """Routes for a request that waited for the next release as long as we let it: 503, try again."""
    retry = {"Retry-After": [str(RETRY_AFTER_SECONDS)]}
    return _both("updating", "We are updating and will be back in a moment", _HELD, "503", {}, retry)


def plain(status: int, text: str) -> Route:
    """A route that answers one line of text."""
    headers = {"Content-Type": ["text/plain; charset=utf-8"], "Cache-Control": ["no-store"]}
    return {"handle": [{"handler": "static_response", "status_code": status, "headers": headers, "body": text + "\n"}]}


_FRIENDLY = "<p>Nothing you did was wrong. Please try again in a minute.</p>"
_MEDIUM = (
    "<p>Its own words are withheld here; the team finds them in the log under the incident below.</p>"
    "<dl><dt>Request</dt><dd>{http.request.method}</dd></dl>"
)
_HELD = "<p>Nothing was lost. Please try again in a few seconds.</p>"


def _both(
    code: str,
    title: str,
    inside: str,
    status: str,
    facts: dict[str, str],
    headers: dict[str, list[str]] | None = None,
) -> list[Route]:
    inner = json.dumps({"error": code, "incident": INCIDENT, **facts})[1:-1]
    as_json = _escaped("{") + inner + _escaped("}") + "\n"
    wanted = _route("application/json", as_json, status, headers)
    return [{"match": _WANTS_JSON, **wanted}, _route("text/html; charset=utf-8", _html(title, inside), status, headers)]


def _html(title: str, inside: str) -> str:
    # `title` may hold placeholders, so only the style's braces are literal.
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n<style>{_escaped(_STYLE)}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{inside}\n"
        f'<p class="small">Incident <code>{INCIDENT}</code></p>\n</main>\n</body>\n</html>\n'
    )


def _escaped(text: str) -> str:
    """Braces that Caddy is to print, not to look up."""
    return text.replace("{", "\\{").replace("}", "\\}")


def _route(kind: str, body: str, status: str, headers: dict[str, list[str]] | None = None) -> Route:
    response = {
        "Content-Type": [kind],
        "Cache-Control": ["no-store"],
        "X-Content-Type-Options": ["nosniff"],
        "Content-Security-Policy": [_POLICY],
        "X-Incident-Id": [INCIDENT],
        "X-Request-Id": [INCIDENT],
        **(headers or {}),
    }
    page = {"handler": "static_response", "status_code": status, "headers": response, "body": body}
    return {"handle": [{"handler": "log_append", "key": "incident", "value": INCIDENT}, page], "terminal": True}
