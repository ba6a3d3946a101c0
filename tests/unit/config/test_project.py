"""What a file means once it is read: defaults, descriptor, digest, differences."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from greenroom.config.difference import policy_difference
from greenroom.config.example import EXAMPLE
from greenroom.config.gate_settings import gates_for
from greenroom.config.load import load
from greenroom.config.project import ProjectConfig
from greenroom.config.yaml_text import read_yaml
from greenroom.domain.kinds import DEFAULTS, TEMPLATES, DataLabel, ErrorDetail, Kind
from greenroom.domain.release import Descriptor, Language, Listen, MigrationStyle
from greenroom.registry import all_gates

BASE = "project: shop\nprocesses: {web: {command: ./web}, worker: {command: ./worker}}\n"


def small(more: str = "") -> ProjectConfig:
    return load(BASE + "template: small\n" + more)


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_bring_the_defaults_of_the_kinds(template: str) -> None:
    """Each environment of a template has what the table of the kinds says, and the gates that apply by default."""
    project = load(BASE + f"template: {template}\n")
    assert tuple(e.kind for e in project.environments) == TEMPLATES[template]
    for e in project.environments:
        row = DEFAULTS[e.kind]
        assert (e.errors, e.clearance, e.bake.seconds, e.runs) == (
            row.errors,
            row.clearance,
            row.bake_seconds,
            row.runs,
        )
        assert [g.name for g, _ in e.gates] == [n for n, g in all_gates().items() if g.default(e.kind) is not None]
        assert (e.port is None) == (e.preview_port is None) == (not row.runs)


def test_ports_count_from_the_edge() -> None:
    """The place on the path decides the port, so that packaging, where nothing runs, leaves a gap."""
    project = load(BASE + "template: full\nedge: {ports_from: 9000}\n")
    assert [e.port for e in project.environments] == [9000, 9001, None, 9003, 9004, 9005]
    assert [e.preview_port for e in project.environments] == [9050, 9051, None, 9053, 9054, 9055]


def test_spelled_out_environments() -> None:
    """Without a template the file's own environments are the path, in its order."""
    project = load(
        BASE + "environments: {dev: {}, uat-de: {kind: uat}, uat-fr: {kind: uat, clearance: copy}, production: }"
    )
    assert [(e.name, e.kind) for e in project.environments][1:3] == [("uat-de", Kind.UAT), ("uat-fr", Kind.UAT)]
    assert project.environment("uat-fr").clearance is DataLabel.COPY
    with pytest.raises(KeyError):
        project.environment("qa")


def test_the_example_says_what_it_says() -> None:
    """Every setting of the reference's example arrives."""
    project = load(EXAMPLE)
    production = project.environment("production")
    assert (production.port, production.hosts, production.errors) == (8200, ("shop.example.com",), ErrorDetail.FRIENDLY)
    assert production.canary is not None
    assert production.canary.shares == (0.05, 0.25)
    assert project.environment("qa").config == {"SMTP_HOST": "mail.qa.example.com"}
    assert project.environment("dev").follow == "main"
    assert project.build.version.file == "VERSION"
    assert project.build.commands == (("python", "manage.py", "collectstatic", "--noinput"),)
    assert project.build.timeout_seconds == 1800
    assert {"approvals", "window", "soak"} <= {g.name for g, _ in production.gates}


def test_descriptor() -> None:
    """How a release runs, with the version it was given; it survives JSON."""
    descriptor = load(EXAMPLE).descriptor("6.1.5")
    assert (descriptor.version, descriptor.language, descriptor.runtime_version) == ("6.1.5", Language.PYTHON, "3.11")
    assert [(p.name, p.listen, p.count) for p in descriptor.processes] == [
        ("web", Listen.SOCKET, 1),
        ("worker", None, 2),
    ]
    assert descriptor.web.command == ("gunicorn", "-b", "unix:$GREENROOM_SOCKET", "shop.wsgi")
    assert descriptor.migration.style is MigrationStyle.COMMAND
    journey = next(c for c in descriptor.checks if c.name == "journey")
    assert journey.environments == ("dev", "qa", "uat", "staging", "production")
    assert Descriptor.from_dict(json.loads(json.dumps(descriptor.as_dict()))) == descriptor


def test_a_language_that_the_file_does_not_name_is_found_out() -> None:
    """The file's word counts; else what was found; else none."""
    project = small()
    assert project.descriptor("1", Language.NODE).language is Language.NODE
    assert project.descriptor("1").language is Language.NONE
    assert small("release: {language: python}").descriptor("1", Language.NODE).language is Language.PYTHON


def test_no_database() -> None:
    """`postgres: none` is no database."""
    assert small("services: {postgres: none}").descriptor("1").services.postgres is None


def test_the_digest_names_the_policy_alone() -> None:
    """How a file is written, and how a release runs, does not change it; any policy does."""
    one, other = small(), load("template: small\n# why\n" + BASE + "migration: {style: at-start}\nedge: {port: 8080}")
    assert one.digest == other.digest
    changed = small("environments: {production: {bake: {for: 5m}}}")
    assert changed.digest != one.digest


def test_every_gate_writes_settings_that_it_reads() -> None:
    """A kind's default survives being written down: the file's settings are laid over it."""
    for gate in all_gates().values():
        for kind in Kind:
            default = gate.default(kind)
            if default is not None:
                written = default.model_dump(mode="json", by_alias=True, exclude_unset=True)
                assert gate.Config.model_validate(written) == default
                assert json.dumps(default.model_dump(mode="json", by_alias=True))


def test_a_gate_keeps_the_default_for_what_is_not_said() -> None:
    """Tightening one setting leaves the others."""
    production = small("environments: {production: {gates: {approvals: {count: 2}}}}").environment("production")
    settings = {g.name: c for g, c in production.gates}["approvals"]
    default = all_gates()["approvals"].default(Kind.PRODUCTION)
    assert default is not None
    assert settings.model_dump() == {**default.model_dump(), "count": 2}


@pytest.mark.parametrize("name", ["sealed", "path", "one_at_a_time"])
def test_what_is_never_off(name: str) -> None:
    """These three guard what Greenroom promises: they exist, and stay on."""
    pairs, wrong = gates_for(Kind.DEV, {name: False}, all_gates(), read_yaml("{}"), (), [])
    assert wrong
    assert name in {g.name for g, _ in pairs}


def test_a_gate_that_the_kind_does_not_bring_stays_off() -> None:
    """`off` says what is so already: the gate is not in the list."""
    production = small("environments: {production: {gates: {soak: off}}}").environment("production")
    assert "soak" not in {g.name for g, _ in production.gates}


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("", []),
        ("edge: {port: 9999}", ["edge/port: 8080 → 9999"]),
        ("environments: {production: {bake: {for: 5m}}}", ["production/bake/for: 10m → 5m"]),
        ("environments: {dev: {follow: main}}", ["dev/follow: not set → main"]),
        (
            "environments: {production: {hosts: [a.example.com], canary: {shares: [5%]}}}",
            [
                "production/hosts: none → a.example.com",
                'production/canary: not set → {"shares": ["5%"], "hold": "2m"}',
            ],
        ),
        (
            "environments: {production: {gates: {approvals: {count: 2}}}}",
            ["production/gates/approvals/count: 1 → 2"],
        ),
        (
            "environments: {production: {gates: {soak: {in: staging, for: 1h}}}}",
            ["production/gates/soak: on from now on (for 1h, in staging)"],
        ),
    ],
)
def test_differences(more: str, lines: list[str]) -> None:
    """Each change is one line, with what it was and what it will be."""
    assert policy_difference(small(), small(more)) == lines


def test_differences_of_the_path() -> None:
    """Environments that come, go or move are said as such."""
    old = load(BASE + "environments: {dev: {}, a: {kind: uat}, b: {kind: uat}, production: {}}")
    new = load(BASE + "environments: {dev: {}, qa: {}, b: {kind: uat, port: 8102, preview_port: 8152}, a: {kind: uat}}")
    lines = policy_difference(old, new)
    assert "production: removed from the path" in lines
    assert "qa: added to the path after dev (qa)" in lines
    assert "path: dev, a, b → dev, b, a" in lines


def _swap(change: Callable[[str], str]) -> list[str]:
    return policy_difference(load(EXAMPLE), load(change(EXAMPLE)))


def test_no_difference_without_a_change_of_policy() -> None:
    """What belongs to the release is no policy."""
    assert _swap(lambda t: t.replace("boot: 2m", "boot: 3m")) == []
    assert _swap(lambda t: t.replace("restore_points: 5", "restore_points: 7")) == ["production/restore_points: 5 → 7"]
