"""A journey through I Hate Money as its visitors take it; exit code 0 only if every answer was right.

    GREENROOM_URL=http://127.0.0.1:8481 python journey.py

It starts a project of its own under a name nobody else has, with members and bills, asks for the
balances, logs in through the pages, and removes the project, its members and its bills again, also when an
answer was wrong or it is told to stop (the application keeps its own history of changes, as for every project).
So it may be run against production. Standard library only; about a second.
"""

import base64
import contextlib
import html
import json
import os
import re
import secrets
import signal
import sys
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

SECONDS_PER_REQUEST = 30
LOGIN_PAUSES = (20, 20, 25)  # 7.2 lets an address try to log in three times a minute
MEMBERS = ("Ada Lovelace", "Bjørn Åsen", "Chloë O'Neil")
CSRF = re.compile(r'name="csrf_token"[^>]*\bvalue="([^"]+)"')


class Wrong(Exception):
    """The application gave a wrong answer; the text says which."""


class Browser:
    """One visitor: a kept connection, and the cookies of its session."""

    def __init__(self, url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SystemExit(f"GREENROOM_URL should be the address of the application (got {url!r})")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=SECONDS_PER_REQUEST)
        self.base = parts.path.rstrip("/")
        self.cookies = SimpleCookie()
        self.is_stopped = False

    def ask(self, method, path, form=None, auth=None, expect=200):
        """Body, Location and status of the answer. Raises Wrong unless the status is `expect`, or one of these."""
        if self.is_stopped:
            raise Wrong(f"told to stop before {method} {path}")
        headers = {"Accept-Language": "en"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{c.key}={c.value}" for c in self.cookies.values())
        if auth:
            headers["Authorization"] = auth
        body = None
        if form is not None:
            body = urlencode(form, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, self.base + path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            self.connection.close()
            raise Wrong(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error
        for cookie in answer.headers.get_all("Set-Cookie", ()):
            self.cookies.load(cookie)
        if answer.status not in (expect if isinstance(expect, tuple) else (expect,)):
            raise Wrong(f"{method} {path}: answered {answer.status}, expected {expect}: {_words(text)}")
        return text, answer.headers.get("Location", ""), answer.status

    def json(self, method, path, form=None, auth=None, expect=200):
        text, _, _ = self.ask(method, path, form, auth, expect)
        try:
            return json.loads(text)
        except ValueError:
            raise Wrong(f"{method} {path}: answered something that is not JSON: {_words(text)}") from None


class Journey:
    """One project from its start to its removal."""

    def __init__(self, url):
        self.browser = Browser(url)
        self.id = f"probe-{secrets.token_hex(8)}"
        self.password = secrets.token_urlsafe(18)
        self.api = f"/api/projects/{self.id}"
        self.auth = "Basic " + base64.b64encode(f"{self.id}:{self.password}".encode()).decode()
        self.may_exist = False

    def take(self):
        self.see_the_home_page()
        self.start_a_project()
        members = self.add_members()
        bills = self.write_bills(members)
        self.read_bills(bills)
        self.compare_balances(members)
        self.log_in()
        self.see_the_pages()

    def stop(self, *_):
        """Go no further, once the answer that is on its way is there: what it made would stay behind unseen."""
        self.browser.is_stopped = True

    def see_the_home_page(self):
        text, _, _ = self.browser.ask("GET", "/")
        _expect(CSRF.search(text), "GET /: the home page has no form to log in")

    def start_a_project(self):
        self.may_exist = True
        form = {
            "name": f"Journey {self.id}",
            "id": self.id,
            "password": self.password,
            "contact_email": f"{self.id}@example.com",
            "default_currency": "XXX",
        }
        made = self.browser.json("POST", "/api/projects", form, expect=201)
        _expect(made == self.id, f"POST /api/projects: made {made!r}, asked for {self.id!r}")
        # The password is hashed anew for every request that shows it (0.1 s); a token is not.
        given = self.browser.json("GET", f"{self.api}/token", auth=self.auth)
        self.auth = f"Bearer {given['token']}"

    def add_members(self):
        ids = [
            self.browser.json("POST", f"{self.api}/members", {"name": n, "weight": "1"}, self.auth, 201)
            for n in MEMBERS
        ]
        listed = {m["id"]: m["name"] for m in self.browser.json("GET", f"{self.api}/members", auth=self.auth)}
        _expect(
            listed == dict(zip(ids, MEMBERS, strict=True)),
            f"GET {self.api}/members: lists {listed}, added {MEMBERS}",
        )
        return ids

    def write_bills(self, members):
        """Two bills; the second is written wrong first and then put right. What they say, by their id."""
        ada, bjorn, chloe = members
        dinner = self._bill("Dinner für drei", ada, (ada, bjorn, chloe), "30")
        taxi = self._bill("Taxi", bjorn, (ada, bjorn), "12.50")
        wrong = self._bill("Taxi?", bjorn, (ada, bjorn), "99")
        first = self.browser.json("POST", f"{self.api}/bills", dinner, self.auth, 201)
        second = self.browser.json("POST", f"{self.api}/bills", wrong, self.auth, 201)
        self.browser.json("PUT", f"{self.api}/bills/{second}", taxi, self.auth)
        return {first: dinner, second: taxi}

    def read_bills(self, written):
        found = {b["id"]: b for b in self.browser.json("GET", f"{self.api}/bills", auth=self.auth)}
        _expect(found.keys() == written.keys(), f"GET {self.api}/bills: lists {sorted(found)}, wrote {sorted(written)}")
        for number, bill in written.items():
            seen = found[number]
            same = (
                seen["what"] == bill["what"]
                and abs(seen["amount"] - float(bill["amount"])) < 0.005
                and seen["payer_id"] == bill["payer"]
                and seen["date"] == bill["date"]
                and sorted(o["id"] for o in seen["owers"]) == sorted(bill["payed_for"])
            )
            _expect(same, f"GET {self.api}/bills: bill {number} reads {seen}, was written {bill}")

    def compare_balances(self, members):
        expected = dict(zip(members, (13.75, -3.75, -10.0), strict=True))
        listed = self.browser.json("GET", f"{self.api}/statistics", auth=self.auth)
        found = {row["member"]["id"]: row["balance"] for row in listed}
        right = found.keys() == expected.keys() and all(abs(found[m] - expected[m]) < 0.005 for m in members)
        _expect(right, f"GET {self.api}/statistics: balances are {found}, should be {expected}")

    def log_in(self):
        """Through the form, as a person: without the right token of the form nobody gets in."""
        for pause in (*LOGIN_PAUSES, None):
            token = _token(self.browser.ask("GET", "/authenticate")[0], "/authenticate")
            form = {"id": self.id, "password": self.password, "csrf_token": token}
            try:
                _, where, _ = self.browser.ask("POST", "/authenticate", form, expect=302)
            except Wrong as wrong:
                if pause is None or "Too many failed login attempts" not in str(wrong):
                    raise
                until = time.monotonic() + pause
                while time.monotonic() < until and not self.browser.is_stopped:
                    time.sleep(0.2)
                continue
            went = urlsplit(urljoin("/authenticate", where)).path
            _expect(went.endswith(f"/{self.id}/"), f"POST /authenticate: leads to {went}, not to the project")
            return

    def see_the_pages(self):
        page = html.unescape(self.browser.ask("GET", f"/{self.id}/")[0])
        for text in (*MEMBERS, "Dinner für drei", "Taxi"):
            _expect(text in page, f"GET /{self.id}/: the page does not show {text!r}")
        for part in ("statistics", "settle_bills", "history"):
            self.browser.ask("GET", f"/{self.id}/{part}")

    def leave_nothing(self):
        """Remove what there is of the project: removing it alone would leave its bills and members behind."""
        self.browser.is_stopped = False
        if not self.may_exist or not self._exists():
            return
        for bill in self.browser.json("GET", f"{self.api}/bills", auth=self.auth):
            self.browser.ask("DELETE", f"{self.api}/bills/{bill['id']}", auth=self.auth)
        for member in self.browser.json("GET", f"{self.api}/members", auth=self.auth):
            self.browser.ask("DELETE", f"{self.api}/members/{member['id']}", auth=self.auth)
        self.browser.ask("DELETE", self.api, auth=self.auth)
        _expect(not self._exists(), f"DELETE {self.api}: the project is still there")

    def _exists(self):
        return self.browser.ask("GET", self.api, auth=self.auth, expect=(200, 401))[2] == 200

    @staticmethod
    def _bill(what, payer, payed_for, amount):
        return {
            "what": what,
            "payer": payer,
            "payed_for": payed_for,
            "amount": amount,
            "date": "2026-02-28",
            "bill_type": "Expense",  # new in 7.0; releases before it do not look at it
            "original_currency": "XXX",
        }


def _expect(is_right, otherwise):
    if not is_right:
        raise Wrong(otherwise)


def _token(page, path):
    found = CSRF.search(page)
    _expect(found, f"GET {path}: the form has no csrf_token")
    return html.unescape(found[1])


def _words(text):
    """What a person would read on the page, cut to a line; a notice of the application first."""
    plain = " ".join(html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.S)).split())
    notice = plain.find("Too many failed login attempts")
    return plain[max(notice, 0) :][:200] or "an empty page"


def main():
    journey, started, problems = Journey(os.environ.get("GREENROOM_URL", "")), time.monotonic(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, journey.stop)
    try:
        journey.take()
    except Wrong as wrong:
        problems.append(str(wrong))
    except (KeyError, TypeError, AttributeError) as error:
        problems.append(f"an answer was not of the expected shape ({type(error).__name__}: {error})")
    try:
        journey.leave_nothing()
    except Wrong as wrong:
        problems.append(f"could not remove the project {journey.id} again: {wrong}")
    with contextlib.suppress(OSError):
        journey.browser.connection.close()
    for problem in problems:
        print(f"journey: {problem}", file=sys.stderr)
    if not problems:
        print(f"journey: every answer was right, in {time.monotonic() - started:.2f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
