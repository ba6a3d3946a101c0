"""No answer of any route gives a developer or a tester anything of staging, production or the vault that is not theirs.

Marked values are planted where each thing lies; then every route of the served description is asked, with every
identifier there is, and every answer is searched: bodies, headers, streams, errors.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from greenroom.adapters.memory.backups import MemoryBackups
from greenroom.adapters.memory.mail import MemoryMail
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.secret import Secret
from greenroom.domain.work import State
from greenroom.ports.mail import Caught, Letter
from greenroom.services import glass, judgements
from greenroom.services.accounts import token_hash
from greenroom.store import records
from tests.api_support import ENVIRONMENTS, HOOK_KEY, Api, made_api
from tests.scripted import ScriptedDatabases
from tests.unit.api.test_roles import TABLE
from tests.worlds import actor, added_work, token

CLOSED = ("staging", "production")
PLACES = (*ENVIRONMENTS, "vault")
OPERATOR = actor(Role.OPERATOR)
OUTSIDE = [
    (Role.DEVELOPER,),
    (Role.TESTER,),
    (Role.DEVELOPER, Role.TESTER, Role.CLIENT, Role.AUTOMATION),
]
HEARD = ("log line", "mail", "a program's words", "backup's name", "backup's place", "token's hash")
"""What lies in the open for those whose work it is: the search must find these for them. The hash of a token stands on
the ledger; it opens nothing, and nobody can guess 256 random bits from it."""


@dataclass
class Planted:
    """`canaries`: by what it is, texts that nobody outside may be told. `ids`: everything a path can name."""

    api: Api
    canaries: dict[str, list[str]]
    ids: dict[str, list[str]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    api = made_api(tmp_path_factory.mktemp("leaks"))
    found: dict[str, list[str]] = {"database password": [], "secret": [], **{h: [] for h in HEARD}}
    ids: dict[str, list[str]] = {"env": list(PLACES), "ref": [api.old, "1.0", "2.0"], "message": [], "name": []}
    works = dict(api.works)
    for place in CLOSED:
        found["database password"] += [p.reveal() for p in api.world.databases.passwords(place)]
        _secret(api, found, place, "PAYMENT_TOKEN")
        _log(api, found, place)
        ids["message"].append(_mail(api, found, place))
        works[f"failed {place}"] = _failed(api, found, place)
    for name in ("postgres", "masking_key"):
        _secret(api, found, "vault", name)
    _log(api, found, "vault")
    ids["name"] = ["PAYMENT_TOKEN", "masking_key", "operator", _backup(api, found)]
    opened, url = glass.open_glass(api.app, OPERATOR, "production", reason="a night", seconds=3600)
    found["break-glass URL"] = [url.reveal(), url.reveal().split(":")[2].partition("@")[0]]
    other = token(api.app, Role.OPERATOR, name="maria")
    found["token"] = [other, other.removeprefix("gr_"), HOOK_KEY.decode(), HOOK_KEY.hex()]
    found["token's hash"] = [token_hash(other)]
    with api.world.store.database.reading() as tx:
        evidence = [e.id for d in (api.old, api.new) for e in records.evidence_of(tx, d)]
    ids |= {"work_id": list(works.values()), "evidence_id": evidence, "approval_id": ["approval-1"]}
    yield Planted(api, found, {**ids, "glass_id": [opened["id"]]})


def _secret(api: Api, found: dict[str, list[str]], place: str, name: str) -> None:
    found["secret"].append(f"canary-{place}-{name}-7f3a")
    api.world.secrets.put(place, name, Secret(found["secret"][-1]))


def _log(api: Api, found: dict[str, list[str]], place: str) -> None:
    directory = api.world.runtime.prepare(place).logs
    directory.mkdir(parents=True, exist_ok=True)
    found["log line"].append(f"canary-said-in-{place}")
    for name in (f"{place}.web.0.00a1.log", "migrate-promotion-00a1.log"):
        (directory / name).write_text(f"{found['log line'][-1]}\n")


def _mail(api: Api, found: dict[str, list[str]], place: str) -> str:
    text = f"canary-written-in-{place}"
    caught = Caught(f"1.{place}", api.world.clock.now(), f"{text}@example.org", (f"{text}@example.org",), text, 10)
    assert isinstance(api.world.mail, MemoryMail)
    api.world.mail.boxes[place] = [Letter(caught, (("X-Canary", text),), text, None, ())]
    found["mail"].append(text)
    return caught.id


def _failed(api: Api, found: dict[str, list[str]], place: str) -> str:
    """A promotion that was undone: what its migration said is everywhere such words are kept."""
    said = f"duplicate key canary-program-{place}"
    found["a program's words"].append(f"canary-program-{place}")
    error = {"code": "migration.failed", "message": "the migration failed", "because": said, "output": said, "next": ""}
    facts = {"migrate": {"output": said, "deep": [{"tail": said}]}}
    work = added_work(
        api.world, WorkKind.PROMOTION, State.ROLLED_BACK, environment=place, release=api.old, error=error, facts=facts
    )
    api.world.progress.say(work.id, "migrate", said)
    with api.world.store.database.transaction() as tx:
        api.world.store.works.remember(tx, work, "migrate", "failed", api.world.clock.now(), 0.1, said)
        row = {
            "id": api.world.ids.new("evidence"), "kind": "check", "name": "journey", "release": api.old,
            "environment": place, "outcome": "failed", "at": api.world.clock.now(), "by": "maker",
            "facts": {"output": said},
        }  # fmt: skip
        api.world.store.recorder.record(tx, "maker", "evidence.recorded", evidence=row)
    return work.id


def _backup(api: Api, found: dict[str, list[str]]) -> str:
    backups = api.world.backups
    assert isinstance(backups, MemoryBackups)
    backups.begin("production")
    backups.protect("production")
    backups.take("production", "canary-backup-1", full=True, say=str)
    backups.problem = "nothing can be written to s3://canary-bucket/prefix"
    found["backup's name"], found["backup's place"] = ["canary-backup-1"], ["canary-bucket"]
    return "canary-backup-1"


def told(planted: Planted, roles: tuple[Role, ...], *, changing: bool = True) -> Iterator[tuple[str, str]]:
    """Every route with every identifier: what was asked, and all that came back. What only reads comes first."""
    unsigned = "/api/v1/hooks/push"  # it wants a signature, and no token
    described = planted.api.ask("GET", "/openapi.json", *roles).json()["paths"]
    routes = sorted(((m.upper(), p) for p, methods in described.items() for m in methods), key=lambda r: r[0] != "GET")
    for method, path in routes:
        if method != "GET" and not changing:
            return
        for asked, body in _requests(planted, method, path.removeprefix("/api/v1")):
            prefix = "/api/v1" if path.startswith("/api/v1") else ""
            answer = planted.api.ask(method, asked, *roles, prefix=prefix, json=body)
            assert answer.status_code != 401 or path == unsigned, asked  # it was asked by somebody
            yield f"{method} {asked}", f"{answer.headers} {answer.text}"


def _requests(planted: Planted, method: str, path: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """One path with all combinations of identifiers, with and without its query; bodies as the table of roles has
    them, for every environment, the dry run where there is one."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    ask = TABLE.get((method, path))
    body = ask.body if ask else None
    queries = ["", ask.query if ask else ""]
    queries += {
        "/environments/{env}/logs": ["?process=web&lines=5000", "?process=migrate", "?process=../../vault"],
        "/status.txt": ["?width=300"],
        "/work": [f"?environment={e}" for e in ENVIRONMENTS],
    }.get(path, [])
    about = PLACES if body and "{env}" in str(body) or "{env}" in "".join(queries) else ("production",)
    for values in itertools.product(*(planted.ids[n] for n in names)):
        filled = path
        for name, value in zip(names, values, strict=True):
            filled = filled.replace(f"{{{name}}}", quote(value))
        for env in about:
            sent = body and {k: v.replace("{env}", env) if isinstance(v, str) else v for k, v in body.items()}
            for query in dict.fromkeys(queries):
                yield filled + query.replace("{env}", env), sent


def seen(planted: Planted, text: str) -> set[str]:
    """What of the planted is in the text, plain or in one of the usual disguises."""
    found = set()
    for what, texts in planted.canaries.items():
        for one in texts:
            disguised = {one, one.encode().hex(), base64.b64encode(one.encode()).decode().rstrip("="), quote(one)}
            if any(d in text for d in disguised):
                found.add(what)
    return found


@pytest.mark.parametrize("roles", OUTSIDE, ids=lambda r: "+".join(r))
def test_no_route_tells_what_is_not_theirs(planted: Planted, roles: tuple[Role, ...]) -> None:
    """Not one planted value in any answer, and every route was asked."""
    leaks, asked = [], set()
    for request, answer in told(planted, roles):
        asked.add(request.partition("?")[0])
        # Its identifier may come back to whoever named it: that it was asked for tells nothing.
        leaks += [(request, what) for what in seen(planted, answer) - seen(planted, request)]
    assert leaks == []
    assert len(asked) > 150
    assert _doors(planted) == 1


def _doors(planted: Planted) -> int:
    """Still the operator's own alone: nobody outside closed it, or opened another."""
    assert isinstance(planted.api.world.databases, ScriptedDatabases)
    return len(planted.api.world.databases.open_doors["production"])


def test_whose_work_it_is_is_told(planted: Planted) -> None:
    """The same search finds logs, mail, programs' words and backups for those who may read them: what it looks for is
    there to be found. Passwords, secrets, tokens and URLs it finds for nobody."""
    found = set()
    for _, answer in told(planted, (Role.OPERATOR, Role.ENGINEER, Role.MANAGER, Role.ADMINISTRATOR), changing=False):
        found |= seen(planted, answer)
    assert found == set(HEARD)


def test_each_planted_value_would_be_found(planted: Planted) -> None:
    """Said where everybody reads it (the reason of a freeze), each of them, in each disguise, is seen in an answer."""
    for what, texts in planted.canaries.items():
        for one in texts:
            for said in (one, one.encode().hex(), base64.b64encode(one.encode()).decode()):
                judgements.freeze(planted.api.app, actor(Role.MANAGER), "dev", reason=said)
                answer = planted.api.ask("GET", "/status", Role.CLIENT).text
                judgements.thaw(planted.api.app, actor(Role.MANAGER), "dev")
                assert what in seen(planted, answer), said
    assert seen(planted, planted.api.ask("GET", "/status", Role.CLIENT).text) == set()
