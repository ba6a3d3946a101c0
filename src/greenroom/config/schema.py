"""`greenroom.yaml` as models. The description of each field is its documentation: `docs/reference/configuration.md`
and the JSON Schema are generated from it, `greenroom init` writes it as comments.

A key that stands empty (`checks:` and nothing below) counts as absent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from greenroom.config import fields as f
from greenroom.config.durations import Duration, Share, Timeout
from greenroom.config.schema_data import Data, EnvironmentData
from greenroom.config.section import Section
from greenroom.config.sizes import Size
from greenroom.domain.kinds import Kind
from greenroom.domain.release import Language, Listen, Mail, MigrationStyle

KindName = Annotated[Kind, Field(strict=False)]


class VersionFile(Section):
    """Where the version stands."""

    file: f.RepositoryPath = Field(description="A file of the commit whose first line is the version.")


def _version_form(value: Any) -> str:
    return "file" if isinstance(value, dict) else "text"


class Release(Section):
    """How a release is built from a commit. It is built once, in a clean room without a network."""

    language: Annotated[Language, Field(strict=False)] | None = Field(
        None, description="Which builder makes it. Found out from the files of the commit when absent."
    )
    runtime: f.RuntimeLine | None = Field(
        None,
        description='The interpreter\'s version line, in quotes: `"3.11"`, `"20"`. The builder\'s own when absent.',
    )
    version: (
        Annotated[
            Annotated[f.VersionText, Tag("text")] | Annotated[VersionFile, Tag("file")], Discriminator(_version_form)
        ]
        | None
    ) = Field(
        None,
        description="The version people read: text, or `{file: VERSION}`. "
        "When absent, `git describe` or the short commit.",
    )
    lock: f.RepositoryPath | None = Field(
        None, description="The lock file: everything it names is fetched, and nothing else. Found when absent."
    )
    build: list[f.Command] = Field(
        [], description="Commands run one after the other after the dependencies are in place, without a network."
    )
    executables: list[f.Executable] = Field(
        [],
        description="Programs of the system the application runs, such as `ffmpeg`. Others are named and refused.",
    )
    files: list[f.AbsolutePath] = Field(
        [], description="Files or directories outside the release it reads, such as `/usr/share/zoneinfo`."
    )
    timeout: Timeout = Field(1800.0, description="The time limit of each build command.")
    size: Size = Field(
        4 * 10**9,
        description="How much a build may write, and how large the release may be. What grows past it is ended.",
    )


class Process(Section):
    """A command that is kept running. `$NAME` in it is replaced from the process's environment."""

    command: f.Command = Field(description="The program and its arguments; split as a shell would, never run in one.")
    listen: Annotated[Listen, Field(strict=False)] | Literal["none"] | None = Field(
        None,
        description="How it takes requests: `socket` binds the unix socket `$GREENROOM_SOCKET`, `port` binds "
        "127.0.0.1:`$PORT`, `none` takes none. The default is `socket` for a process named `web`, `none` for others.",
    )
    stop: Timeout = Field(30.0, description="How long after SIGTERM it may take to end; then SIGKILL.")
    count: int = Field(1, ge=1, le=64, description="How many of it run. A process that listens runs once.")
    outside: bool = Field(
        False,
        description="It does things by itself that reach people or other systems: reminders, invoices, a scheduler. "
        "Where side effects are caught it is not started, unless the environment names it under `outside`.",
    )


class Migration(Section):
    """How the database's schema follows the release."""

    style: Annotated[MigrationStyle, Field(strict=False)] = Field(
        description="`command`: only by the command. `at-start`: by itself at every start. `at-start-unless`: at start "
        "unless the variables of `switch_off` are set; then the command does it. `none`: there is no schema."
    )
    command: f.Command | None = Field(None, description="Brings the schema to this release. Run once per promotion.")
    switch_off: dict[f.VariableName, f.Text] = Field(
        {}, description="Variables that keep the application from migrating when it starts."
    )
    down: f.Command | None = Field(
        None,
        description="Brings the schema back to the release before; run by the newer release when it is rolled back.",
    )
    quiet: bool = Field(
        False,
        description="Visitors wait while the command runs, and then reach the older release again. For migrations that"
        " change tables the application writes to all the time: a deadlock would cost somebody's request.",
    )
    contracts: bool = Field(
        False,
        description="`true` when the older release cannot live on the new schema: visitors are then held from the "
        "migration to the switch instead of seeing errors.",
    )
    timeout: Timeout = Field(3600.0, description="The time limit of the migration.")


class Health(Section):
    """The request that says the release is up."""

    path: f.UrlPath = Field("/", description="What is asked for.")
    status: int = Field(200, ge=100, le=599, description="The answer that means healthy.")
    boot: Timeout = Field(120.0, description="How long the application may take to become healthy.")
    request: Timeout = Field(10.0, description="How long one answer may take.")


class Services(Section):
    """What the release needs beside itself."""

    postgres: Annotated[int, Field(ge=12, le=99)] | Literal["none"] = Field(
        18, description="PostgreSQL's major version, or `none` for an application without a database."
    )
    extensions: list[f.Extension] = Field([], description="PostgreSQL extensions to create, such as `pg_trgm`.")


class Setting(Section):
    """One environment variable the application reads. What it reads and does not stand here is refused at the seal."""

    secret: bool = Field(
        False, description="Never printed, kept encrypted, set for each environment with `greenroom secret set`."
    )
    required: bool = Field(False, description="Nothing starts where it has no value.")
    generate: bool = Field(False, description="A secret that Greenroom makes up itself, once for each environment.")
    default: f.Text | None = Field(None, description="The value where an environment sets none. Not for secrets.")
    about: f.Text = Field("", description="What it is for, for the person who sets it.")
    mail: Annotated[Mail, Field(strict=False)] | None = Field(
        None,
        description="What it says of the mail server: its `host`, its `port`, both as a `url` (`smtp://host:port`), or "
        "how to get in, `login` (user, password, TLS). Outside production mail is caught: Greenroom gives `host`,"
        " `port` and `url` itself, whatever is set, and gives no `login`.",
    )
    outside: bool = Field(
        False,
        description="It leads outside: a payment key, the address of a webhook. Where side effects are caught, "
        "production's value is refused, and `default` is not given.",
    )
    caught: f.Text | None = Field(
        None,
        description="The harmless value of a variable that is `outside`, where side effects are caught and the "
        "environment sets none of its own. Not for secrets.",
    )


class Check(Section):
    """A command of the release, run against it in an environment; its address is in `GREENROOM_URL`."""

    command: f.Command = Field(description="Exit code 0 passes.")
    in_: list[f.Name] | None = Field(
        None, alias="in", min_length=1, description="In which environments. Every one that runs something when absent."
    )
    journey: bool = Field(
        False, description="It walks through the application as a visitor; also asked before a rollback."
    )
    timeout: Timeout = Field(600.0, description="Its time limit; past it the check is an error, not a failure.")


class Bake(Section):
    """After the switch both releases stay up and the new one is watched; worse than before, it is rolled back."""

    for_: Duration | None = Field(
        None, alias="for", description="How long it is watched. By default 10m in production, 0s elsewhere."
    )
    max_failed: Share = Field(
        0.01, description="The share of failed requests past the older release's that is too much."
    )
    max_slower: float = Field(3.0, ge=1, le=1000, description="How many times slower than before is too slow (p99).")
    min_requests: int = Field(50, ge=1, le=1_000_000, description="Fewer requests than this prove nothing.")


class Canary(Section):
    """Send shares of the visitors to the new release before all of them."""

    shares: list[Share] = Field(
        min_length=1, max_length=20, description="The shares one after the other, such as `[5%, 25%]`."
    )
    hold: Timeout = Field(120.0, description="How long each share is held.")


class Backups(Section):
    """Backups of the environment's database: base backups, and the log of every change in between, without a pause."""

    enabled: bool | None = Field(None, description="By default `true` in production, `false` elsewhere.")
    full: Timeout = Field(604800.0, description="How old the newest full backup may become before another is made.")
    incremental: Timeout = Field(
        86400.0,
        description="How old the newest backup may become; then an increment is made (PostgreSQL 17 on).",
    )
    keep: Timeout = Field(1209600.0, description="Any instant within this time can be brought back.")
    keep_fulls: int = Field(2, ge=1, le=1000, description="So many full backups are kept however old they are.")
    drill: Timeout = Field(604800.0, description="How often the newest backup is restored for practice, and compared.")
    directory: f.AbsolutePath | None = Field(
        None, description="Where the repository is; a directory of Greenroom's own. In its home when absent."
    )
    second: f.Text | None = Field(
        None, description="A second place: an absolute path, or `s3://BUCKET/PREFIX` of any S3-compatible store."
    )
    endpoint: f.Text | None = Field(None, description="The store's address, where it is not Amazon's.")
    region: f.Text | None = Field(None, description="The store's region.")
    access_key: f.VariableName | None = Field(
        None, description="The name of the environment's secret that holds the store's access key."
    )
    secret_key: f.VariableName | None = Field(
        None, description="The name of the environment's secret that holds the store's secret key."
    )
    encrypted: bool = Field(True, description="At rest, with a key in the home's private directory.")
    log_limit: int = Field(
        4096,
        ge=64,
        le=1 << 22,
        description="MB of its log that the database keeps for an archive that takes nothing, a full disk for example. "
        "Beyond, it goes on without: there is a hole, it is named, and a full backup ends it.",
    )


class Egress(Section):
    """Where the environment's application and database may go on the network. Needs root and nftables."""

    allow: f.Allowed = Field(
        [],
        description="Host names, addresses and networks, each with one port or every port: `api.example.com:443`, "
        "`192.0.2.0/24`, `[2001:db8::1]:25`. TCP and UDP. Or `any`: in production, and where no copy of its data "
        "may be.",
    )


class Environment(Section):
    """One environment of the path. What is not said comes from its kind."""

    kind: KindName | None = Field(None, description="What it is for. The name, when that is a kind.")
    follow: f.Branch | None = Field(None, description="Only in dev: deploy each new commit of this branch at once.")
    port: f.Port | None = Field(
        None, description="Its own port at the edge. `edge/ports_from` plus its place on the path when absent."
    )
    preview_port: f.Port | None = Field(
        None,
        description="Where the candidate is shown before the switch, on loopback. 50 more than `port` would be.",
    )
    hosts: list[f.Host] = Field([], description="Further host names, beside `ENVIRONMENT.PROJECT.localhost`.")
    errors: Literal["friendly", "medium", "full"] | None = Field(
        None, description="How much of an application's error its visitors see; the edge enforces it."
    )
    clearance: Literal["none", "synthetic", "masked", "copy", "live"] | None = Field(
        None, description="The most dangerous data it may hold."
    )
    bake: Bake = Field(Bake(), description="How the new release is watched after the switch.")
    canary: Canary | None = Field(None, description="Shares of visitors that go first.")
    restore_points: int | None = Field(
        None, ge=1, le=100, description="How many restore points are kept. 5 in production, 3 elsewhere."
    )
    backups: Backups = Field(Backups(), description="How its database is backed up.")
    data: EnvironmentData = Field(EnvironmentData(), description="What its database is filled with, and how often.")
    egress: Egress | None = Field(
        None,
        description="Where it may go on the network. When absent, production may go anywhere, others nowhere but to "
        "their own database, mailbox and address on this machine.",
    )
    outside: list[f.Name] = Field(
        [], description="Processes that are `outside` and are started here although side effects are caught."
    )
    drain: Duration = Field(
        30.0, description="How long requests in flight may take to end before the old release stops."
    )
    config: dict[f.VariableName, f.Text] = Field(
        {}, description="Values of the variables declared under `config`. Secrets are not written here."
    )
    gates: dict[str, Any] = Field(
        {}, description="Settings of gates that differ from the kind's; `off` switches one off where that is allowed."
    )


class Edge(Section):
    """The one door for visitors."""

    port: f.Port = Field(8080, description="Serves every environment by its host name.")
    ports_from: int = Field(
        8100,
        ge=1,
        le=65400,
        description="Where the ports of the environments start: the first on the path has this one, the next one more.",
    )


class Api(Section):
    """The control plane, on loopback."""

    port: f.Port = Field(7480, description="Where the command line and the board find it.")


class ProjectFile(Section):
    """`greenroom.yaml`, at the top of the application's repository."""

    project: f.Name = Field(description="Its name: part of host names, directories and database names.")
    template: Literal["small", "standard", "full"] | None = Field(
        None,
        description="The path of environments: `small` is dev, staging, production; `standard` adds qa; `full` is all "
        "six. Entries under `environments` then adjust single ones. Without it, `environments` spells out the path.",
    )
    release: Release | None = Field(None, description="How a release is built from a commit.")
    processes: dict[f.Name, Process] = Field(
        min_length=1,
        description="What runs, by name. At least one takes requests; the first that does is the front door.",
    )
    migration: Migration | None = Field(None, description="How the database's schema follows the release.")
    health: Health | None = Field(None, description="The request that says the release is up.")
    services: Services | None = Field(None, description="What the release needs beside itself.")
    config: dict[f.VariableName, Setting | None] | None = Field(
        None, description="Every environment variable the application reads."
    )
    checks: dict[f.Name, Check] | None = Field(
        None, description="Commands that judge the release in its environments: test suites, journeys."
    )
    data: Data | None = Field(
        None, description="How production's data becomes harmless: a masking rule for every column about a person."
    )
    environments: dict[f.Name, Environment | None] | None = Field(
        None, description="The path a release takes, in its order, which follows the order of the kinds."
    )
    edge: Edge | None = Field(None, description="The one door for visitors.")
    api: Api | None = Field(None, description="The control plane.")
