"""What copies of production are made of: its backups, or the server that its data is read from."""

from __future__ import annotations

from greenroom.domain.errors import Refused
from greenroom.services.app import App
from greenroom.workflows.steps.source import password_of


def place_of_source(app: App) -> str | None:
    """Where the source's data is read from; None: from its backups."""
    server = app.world.project().data.server
    return server.place if server else None


def size_of_source(app: App, source: str) -> int:
    """Bytes of a copy; 0 where only the server itself could tell, which nobody asks for a preview."""
    return 0 if place_of_source(app) else app.world.backups.archive(source).backups[-1].size


def require_data(app: App, source: str, to: str | None) -> None:
    """The source has a backup, or a server that is entered with a password that is set."""
    server = app.world.project().data.server
    if server is not None:
        if to is not None:
            raise Refused(
                "data.no_past",
                f"{server.place} cannot be read as it was at {to[:80]}",
                because="a server shows what it holds now; only backups lead back",
                hint="leave --to away; or have whoever manages the server bring that state back on another one",
            )
        password_of(app.world, source, server)
        return
    if not app.world.backups.archive(source).backups:
        raise Refused(
            "backup.none",
            f"{source} has no backup",
            because="copies come from backups, never from the running database",
            hint=f"greenroom backup now {source}",
        )
