"""Caddy's configuration as a pure function: what it serves, and what it refuses to write down."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.caddy.config import HOST, Layout, config, ports
from greenroom.domain.errors import BadInput
from greenroom.domain.kinds import ErrorDetail, Kind
from greenroom.ports.edge import Site

LAYOUT = Layout(Path("/run/x/admin.sock"), Path("/x/routes"), Path("/x/log/access.json"), Path("/x/state"))

PLACEHOLDER = re.compile(
    r"\{(http\.error|http\.(request|error|reverse_proxy|regexp|response)\.[A-Za-z0-9_.-]+|file\./x/routes/[a-z.]+)\}"
)


def site(environment: str = "production", errors: ErrorDetail = ErrorDetail.FRIENDLY, **more: object) -> Site:
    fields = {"project": "shop", "kind": Kind.PRODUCTION, "port": 8001, "preview_port": 8002, **more}
    return Site(environment, errors=errors, **fields)


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [s for v in value.values() for s in strings(v)]
    if isinstance(value, list):
        return [s for v in value for s in strings(v)]
    return [value] if isinstance(value, str) else []


def test_every_door_has_its_port() -> None:
    """The shared port, and a site's and a preview's port for each environment; all on loopback."""
    made = config([site(), site("dev", port=8003, preview_port=8004)], LAYOUT, edge_port=8000)
    expected = {
        8000: "edge",
        8001: "site-production",
        8002: "preview-production",
        8003: "site-dev",
        8004: "preview-dev",
    }
    assert ports(made) == expected
    servers = made["apps"]["http"]["servers"].values()
    assert all(at.startswith("127.0.0.1:") for s in servers for at in s["listen"])
    assert all(s["routes"][-1]["handle"][0]["status_code"] == 421 for s in servers)


def test_the_same_sites_are_the_same_configuration() -> None:
    """Nothing in it depends on when or how often it was made."""
    assert config([site()], LAYOUT, edge_port=8000) == config([site()], LAYOUT, edge_port=8000)


def test_it_names_no_release() -> None:
    """Where visitors go is read from files, so no switch changes the configuration."""
    dials = re.findall(r'"dial": "([^"]+)"', json.dumps(config([site()], LAYOUT, edge_port=8000)))
    assert dials and all(d.startswith("{") and d.endswith("}") for d in dials)


@pytest.mark.parametrize("errors", list(ErrorDetail))
def test_braces_are_placeholders_or_escaped(errors: ErrorDetail) -> None:
    """Every brace that Caddy would look up is one we mean: pages hold CSS and JSON, whose braces are text."""
    for text in strings(config([site(errors=errors)], LAYOUT, edge_port=8000)):
        if text.startswith("^"):  # a regular expression
            continue
        left = PLACEHOLDER.sub("", text).replace(r"\{", "").replace(r"\}", "")
        assert "{" not in left and "}" not in left, text


def test_pages_print_nothing_a_visitor_sent() -> None:
    """`static_response` does not escape: the method is the only part of a request that a page may show."""
    text = json.dumps(config([site(), site("dev", ErrorDetail.MEDIUM, port=3, preview_port=4)], LAYOUT, edge_port=8000))
    printed = set(re.findall(r"\{(http\.request\.[^}]+)\}", "".join(re.findall(r'"body": "((?:[^"\\]|\\.)*)"', text))))
    assert printed == {"http.request.uuid", "http.request.method"}


@pytest.mark.parametrize("name", ["../x", "a.b", "{env.HOME}", "A", "", 'x"y', "www", "a\nb"])
def test_hostile_names_are_refused(name: str) -> None:
    """Environment and project become hosts and paths: only names pass."""
    for wrong in (site(name), site(project=name)):
        with pytest.raises(BadInput) as bad:
            config([wrong], LAYOUT, edge_port=8000)
        assert bad.value.code == "name.invalid"


@pytest.mark.parametrize(
    "host", ["", "*", "*.example.org", "a_b", "a/b", "a b", "{env.HOME}", "x.example.org:80", "-a", "a..b", "a.\n"]
)
def test_hostile_hosts_are_refused(host: str) -> None:
    """A host that is no host name is refused, wildcards too."""
    with pytest.raises(BadInput) as bad:
        config([site(hosts=(host,))], LAYOUT, edge_port=8000)
    assert bad.value.code == "edge.host_invalid"


@given(st.text(max_size=60))
def test_a_host_that_passes_is_harmless(text: str) -> None:
    """Whatever passes consists of letters, digits, hyphens and dots only."""
    if HOST.match(text):
        assert re.fullmatch(r"[a-z0-9.-]+", text)


def test_hosts_belong_to_one_environment() -> None:
    """Two environments cannot have one host; nobody can have the loopback names; case does not tell hosts apart."""
    first = site(hosts=("Shop.example.org",))
    for second in ("shop.example.org", "production.shop.localhost", "localhost", "127.0.0.1"):
        with pytest.raises(BadInput) as bad:
            config([first, site("dev", port=3, preview_port=4, hosts=(second,))], LAYOUT, edge_port=8000)
        assert bad.value.code == "edge.host_taken"


def test_a_path_with_braces_is_refused() -> None:
    """Caddy would read them as its own."""
    with pytest.raises(BadInput) as bad:
        Layout(Path("/run/{x}/admin.sock"), Path("/x"), Path("/x"), Path("/x"))
    assert bad.value.code == "edge.bad_path"
