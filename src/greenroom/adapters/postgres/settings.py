"""The settings files of a cluster, as text. They lie outside the data directory, where the server cannot write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from greenroom.adapters.postgres.connect import APP, GLASS, MASKER, SUPERUSER
from greenroom.domain.errors import BadInput

PRELOADED = frozenset({"pg_stat_statements", "pg_cron", "timescaledb", "pgaudit", "auto_explain", "pg_partman_bgw"})
"""Extensions that work only when the server loads them at its start."""

COMMON = {
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u ",  # who, where it is a session that speaks
    "log_timezone": "UTC",
    # Statements and the details of errors hold people's data and new passwords: they do not enter a log.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "datestyle": "iso, mdy",
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "default_text_search_config": "pg_catalog.english",
}

DURABLE = {
    "fsync": "on",
    "shared_buffers": "64MB",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "min_wal_size": "80MB",
}

THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that it goes with it
    "autovacuum": "off",
    "min_wal_size": "2MB",
}

SCHEDULER = {
    "cron.database_name": APP,  # where its schema must be, and where an application can reach it
    "cron.use_background_workers": "on",  # jobs run as whoever scheduled them, without a login that needs a password
    "cron.log_statement": "off",
    # The scheduler would say what a job was told, with the details that `log_error_verbosity` keeps out. A job's own
    # session says its errors as every other does.
    "cron.log_min_messages": "fatal",
}
"""Of `pg_cron`, where a server loads it."""

STILL = {
    # No library's either, whichever are loaded: jobs of pg_cron or timescaledb, maintenance of pg_partman, pg_net's
    # calls. Their own switches differ with the version, or do not exist: Debian's pg_cron (1.4) has none.
    "max_worker_processes": "0",
    "max_logical_replication_workers": "0",
    "archive_mode": "off",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "primary_conninfo": "",
    "ssl": "off",  # the key comes along, and with it the program that is asked for its passphrase
    # Files where production has them: on the same machine they would be production's.
    "logging_collector": "off",
    "external_pid_file": "",
}
"""Of a server over a copy: nothing in it acts by itself, whatever was scheduled, subscribed or set where it comes from.
To be forced, for a copy brings `postgresql.auto.conf` along, and that wins over every file of ours. Sessions have no
parallel workers then."""


def settings_text(
    *,
    port: int,
    sockets: Path,
    hba: Path,
    major: int,
    preload: frozenset[str] = frozenset(),
    durable: bool = True,
    more: Mapping[str, str] | None = None,
) -> str:
    """`postgresql.conf`: everything that differs from the server's own defaults; `more` wins over what is usual."""
    settings = COMMON | (DURABLE if durable else THROW_AWAY)
    settings |= {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": '"' + str(sockets).replace('"', '""') + '"',
        "hba_file": str(hba),
        "shared_preload_libraries": ",".join(sorted(preload & PRELOADED)),
    }
    if "pg_cron" in preload:
        settings |= SCHEDULER
    settings |= more or {}
    if durable and major >= 17 and settings["wal_level"] != "minimal":
        settings["summarize_wal"] = "on"  # what incremental backups are made from
    return "# Written by Greenroom; changes are overwritten.\n" + _lines(settings)


def hba_text() -> str:
    """`pg_hba.conf`: the superuser only through the private socket, the application only into its own database,
    and beside it who was let in by hand."""
    rules = [
        ("local", "all", SUPERUSER, ""),
        ("local", "replication", SUPERUSER, ""),
        ("local", "all", f"+{MASKER}", ""),  # whoever masks; none while the role has no member
        ("local", "all", APP, ""),  # restores load as the application's role
        ("host", APP, APP, "127.0.0.1/32"),
        ("host", APP, f"+{GLASS}", "127.0.0.1/32"),  # whoever was let in by hand; none while the role has no member
    ]
    return "# Written by Greenroom; changes are overwritten.\n" + "".join(
        f"{kind:6} {database:12} {user:10} {address:14} scram-sha-256\n" for kind, database, user, address in rules
    )


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name} = {quoted(value)}\n" for name, value in settings.items())


def quoted(value: str) -> str:
    """A value as `postgresql.conf` reads it (documentation, 20.1.1: quotes doubled, backslashes escape)."""
    if any(ord(c) < 32 for c in value):
        raise BadInput("home.unsafe", f"{value!r} cannot stand in a settings file", hint="choose another home")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
