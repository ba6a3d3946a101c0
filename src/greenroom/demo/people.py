"""People who keep their shared expenses in the application: their data must survive every release.

They do all of it through the application's own pages: start a project, add members, write bills, send an
invitation. Later they come back by that invitation and find everything as they left it, byte for byte.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from greenroom.demo.browser import Browser, Page, wrong_answer
from greenroom.domain.errors import GreenroomError

NAMES = (
    "Ada Lovelace",
    "Bjørn Åsen",
    "Chloë O'Neil",
    'Dmitri "Dima" Иванов',
    "Eleni Παπαδάκη",
    "李小龍",
    "Fátima <mãe>",
    "Grace & Co.",
)
THINGS = (
    "Rent",
    "Électricité",
    "Brot & Käse",
    "Taxi ✈ airport",
    'Book "Emma"',
    "牛乳",
    "Gift; DROP TABLE bill;--",
    "50% off",
)


@dataclass(frozen=True)
class Bill:
    """One expense, as it was typed in. `cents` is the amount in hundredths."""

    what: str
    date: str
    payer: str
    owers: tuple[str, ...]
    cents: int


@dataclass(frozen=True)
class Household:
    """A project of the application with what its people wrote into it. `invitation` is a path that lets one in."""

    id: str
    name: str
    password: str
    email: str
    members: tuple[str, ...]
    bills: tuple[Bill, ...]
    invitation: str = ""


def plan(number: int, chance: random.Random) -> Household:
    """What the household `number` is going to write. Equal chance, equal household."""
    key = f"{chance.getrandbits(48):012x}"
    members = tuple(chance.sample(NAMES, 4))
    bills = tuple(
        Bill(
            what=f"{chance.choice(THINGS)} {n}",
            date=f"2026-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
            payer=chance.choice(members),
            owers=tuple(sorted(chance.sample(members, chance.randint(1, 4)))),
            cents=chance.randint(1, 999_99),
        )
        for n in range(1, 6)
    )
    return Household(
        id=f"household-{number}-{key}",
        name=f"Household {number} – {members[0]}",
        password=f"{chance.getrandbits(96):x}",
        email=f"household-{number}@example.com",
        members=members,
        bills=bills,
    )


def move_in(url: str, household: Household) -> Household:
    """Write all of it through the pages at `url`; the household with its invitation.

    Raises Refused (`demo.wrong_answer`) when the application does not take something.
    """
    with Browser(url) as browser:
        _start_project(browser, household)
        for name in household.members:
            page = browser.get(f"/{household.id}/members/add")
            browser.submit(page, f"/{household.id}/members/add", {"name": name, "weight": "1"})
        for bill in household.bills:
            page = browser.get(f"/{household.id}/add")
            browser.submit(page, f"/{household.id}/add", _bill_form(bill, _choices(page)))
        return replace(household, invitation=_invitation(browser, household.id))


def differences(url: str, household: Household) -> list[str]:
    """Come back by the invitation; one sentence for each thing that is not as it was left, none when all is."""
    try:
        with Browser(url) as browser:
            browser.get(household.invitation, expect=302)
            overview = html.unescape(browser.get(f"/{household.id}/").text)
            settings = html.unescape(browser.get(f"/{household.id}/edit").text)
            bills = read_bills(browser.get(f"/{household.id}/export/bills.json").text)
    except GreenroomError as error:
        return [f"{household.id}: {error.message}: {error.because}"]
    found = [f"member {name!r} is gone" for name in household.members if name not in overview]
    found += [f"{what!r} is gone" for what in (household.name, household.email) if what not in settings]
    found += [f"bill {bill.what!r} is gone or changed" for bill in household.bills if bill not in bills]
    found += [f"bill {bill.what!r} was not written by them" for bill in bills if bill not in household.bills]
    return [f"{household.id}: {what}" for what in found]


def can_enter(url: str, household: Household) -> bool:
    """Whether its name and password let somebody in."""
    with Browser(url) as browser:
        try:
            _enter(browser, household)
        except GreenroomError:
            return False
        return True


def found_missing(url: str, household: Household) -> list[str]:
    """Come in by name and password; one sentence for each bill of theirs that is not there."""
    try:
        with Browser(url) as browser:
            _enter(browser, household)
            bills = read_bills(browser.get(f"/{household.id}/export/bills.json").text)
    except GreenroomError as error:
        return [f"{household.id}: {error.message}: {error.because}"]
    return [f"{household.id}: bill {bill.what!r} is not there" for bill in household.bills if bill not in bills]


def add_bill(url: str, household: Household) -> None:
    """Somebody writes one more, there. Raises Refused (`demo.wrong_answer`)."""
    with Browser(url) as browser:
        _enter(browser, household)
        page = browser.get(f"/{household.id}/add")
        browser.submit(page, f"/{household.id}/add", _bill_form(household.bills[0], _choices(page)))


def _enter(browser: Browser, household: Household) -> None:
    """Raises Refused (`demo.wrong_answer`) when they are not let in."""
    page = browser.get("/authenticate")
    browser.submit(page, "/authenticate", {"id": household.id, "password": household.password})
    browser.get(f"/{household.id}/")


def read_bills(exported: str) -> list[Bill]:
    """The bills of the application's own export. Raises Refused (`demo.wrong_answer`)."""
    try:
        return [
            Bill(
                what=b["what"],
                date=b["date"],
                payer=b["payer_name"],
                owers=tuple(sorted(b["owers"])),
                cents=round(b["amount"] * 100),
            )
            for b in json.loads(exported)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise wrong_answer(f"the export of the bills cannot be read: {error!r}", exported) from error


def _start_project(browser: Browser, household: Household) -> None:
    form = {
        "name": household.name,
        "id": household.id,
        "password": household.password,
        "contact_email": household.email,
        "default_currency": "XXX",
    }
    done = browser.submit(browser.get("/create"), "/create", form)
    if not done.location.startswith(f"/{household.id}/"):
        raise wrong_answer(f"starting {household.id} leads to {done.location}", done.text)


def _choices(page: Page) -> dict[str, str]:
    """Members by name with the numbers that the form uses for them."""
    found = re.search(r'<select[^>]*\bname="payer".*?</select>', page.text, re.DOTALL)
    if not found:
        raise wrong_answer(f"{page.path} does not ask who paid", page.text)
    options = re.findall(r'<option[^>]*\bvalue="(\d+)"[^>]*>(.*?)</option>', found[0], re.DOTALL)
    return {html.unescape(name).strip(): number for number, name in options}


def _bill_form(bill: Bill, numbers: dict[str, str]) -> dict[str, str | Sequence[str]]:
    return {
        "date": bill.date,
        "what": bill.what,
        "payer": numbers[bill.payer],
        "payed_for": [numbers[name] for name in bill.owers],
        "amount": f"{bill.cents // 100}.{bill.cents % 100:02d}",
        "original_currency": "XXX",
        "bill_type": "Expense",  # asked for since 7.0
    }


def _invitation(browser: Browser, project: str) -> str:
    page = browser.get(f"/{project}/invite")
    found = re.search(rf'href="([^"]*/{re.escape(project)}/join/[^"]+)"', page.text)
    if not found:
        raise wrong_answer(f"{page.path} shows no invitation", page.text)
    return urlsplit(html.unescape(found[1])).path
