"""One visitor's browser: a kept connection, cookies, forms with their tokens. Standard library only."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from types import TracebackType
from urllib.parse import urlencode, urljoin, urlsplit

from greenroom.domain.errors import BadInput, Errored, Refused

SECONDS_PER_REQUEST = 60.0
TOKEN = re.compile(r'name="csrf_token"[^>]*\bvalue="([^"]+)"')

Form = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Page:
    """What came back. `location` is the path and query that a redirect leads to, or ""."""

    path: str
    status: int
    text: str
    location: str

    @property
    def token(self) -> str:
        """The token that a form on this page must send back. Raises Refused (`demo.wrong_answer`)."""
        found = TOKEN.search(self.text)
        if not found:
            raise wrong_answer(f"{self.path} shows no form with a token", self.text)
        return html.unescape(found[1])


class Browser:
    """Sends requests to one address. Close it, or use it in a `with`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BadInput("demo.address", f"{url!r} is not the address of an application", because="no http://HOST")
        self._connection = HTTPConnection(parts.hostname, parts.port, timeout=SECONDS_PER_REQUEST)
        self._cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str, *, expect: int = 200, headers: Mapping[str, str] | None = None) -> Page:
        return self._ask("GET", path, None, expect, headers or {})

    def post(self, path: str, form: Form, *, expect: int = 302, headers: Mapping[str, str] | None = None) -> Page:
        """Send a form. Raises Refused (`demo.wrong_answer`) unless it answers `expect`."""
        return self._ask("POST", path, form, expect, headers or {})

    def submit(self, page: Page, path: str, form: Form) -> Page:
        """Fill in the form on `page` and send it: its token goes along, and it must lead on to another page."""
        return self.post(path, {**form, "csrf_token": page.token})

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, method: str, path: str, form: Form | None, expect: int, extra: Mapping[str, str]) -> Page:
        headers = {"Accept-Language": "en", **extra}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{c.key}={c.value}" for c in self._cookies.values())
        body = None
        if form is not None:
            body = urlencode(form, doseq=True).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Errored("demo.no_answer", f"{method} {path} got no answer", because=repr(error)) from error
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self._cookies.load(cookie)
        if answer.status != expect:
            raise wrong_answer(f"{method} {path} answered {answer.status}, not {expect}", text)
        to = urlsplit(urljoin(path, answer.headers.get("Location", "")))
        went = f"{to.path}?{to.query}" if to.query else to.path
        return Page(path, answer.status, text, went if answer.headers.get("Location") else "")


def wrong_answer(message: str, page: str) -> Refused:
    """The error for a page that is not as it should be; `because` is its complaint, or what a person would read."""
    complaint = re.search(r'<(\w+)[^>]*class="[^"]*(?:alert|errors?)\b[^"]*".*?</\1>', page, re.DOTALL)
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", complaint[0] if complaint else page, flags=re.DOTALL)
    return Refused("demo.wrong_answer", message, because=" ".join(html.unescape(plain).split())[:300])
