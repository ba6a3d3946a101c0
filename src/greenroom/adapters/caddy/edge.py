"""The edge with Caddy: kept by the keeper, configured rarely, pointed by files."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace as with_
from datetime import datetime
from pathlib import Path
from typing import Any

from greenroom.adapters.caddy import config as caddy_config
from greenroom.adapters.caddy import drain
from greenroom.adapters.caddy.admin import Admin
from greenroom.adapters.caddy.config import LOOPBACK, Layout
from greenroom.adapters.caddy.pointer import Route, Routes, replace
from greenroom.adapters.caddy.program import RunAs, caddy, check_reachable
from greenroom.adapters.caddy.recent import RecentTraffic
from greenroom.adapters.home import Home
from greenroom.adapters.listeners import who_listens
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.keeper.spec import Keeper, KeeperUnavailable, Spec, SpecDiffers
from greenroom.ports.clock import Clock
from greenroom.ports.edge import Canary, Pointer, Site, TrafficReport

KEPT_AS = "edge"
START_SECONDS = 20.0


class CaddyEdge:
    """See `ports.edge.Edge`. Several processes may use one edge at once: files are replaced, changes are locked.

    Caddy starts from a file, so one that was killed comes back with the same configuration, and reads the same
    route files. `edge_port` serves all environments by host name.
    """

    def __init__(
        self,
        home: Home,
        keeper: Keeper,
        project: str,
        *,
        edge_port: int,
        clock: Clock,
        run_as: RunAs | None,
        hold_seconds: float = 60.0,
    ) -> None:
        self._home = home
        self._keeper = keeper
        self._project = project
        self._edge_port = edge_port
        self._clock = clock
        self._run_as = run_as
        self._hold_seconds = hold_seconds
        self._root = home.root / "edge"
        self._run = home.run / "edge"
        self._file = self._root / "caddy.json"
        self._layout = Layout(
            admin=self._run / "admin.sock",
            routes=self._root / "routes",
            access_log=self._root / "log" / "access.json",
            state=self._root / "state",
        )
        self._admin = Admin(self._layout.admin)
        self._traffic = RecentTraffic(self._layout.access_log, lambda: clock.now().timestamp())
        self._routes = Routes(self._layout.routes, nowhere=self._run / "nowhere.sock")

    def configure(self, sites: Sequence[Site]) -> None:
        wanted = self._config(sites)
        self._make_directories()
        with self._locked():
            served = self._admin.config()
            if served == wanted and self._written() == wanted:
                return
            self._check_ports(wanted, served)
            for site in sites:
                self._routes.mend(site.environment)
            previous = self._file.read_text() if self._file.exists() else None
            replace(self._file, json.dumps(wanted, indent=1), durable=True)
            try:
                if served is None:
                    self._start()
                self._serve(wanted)
            except Errored:
                if previous is not None:
                    replace(self._file, previous, durable=True)
                elif served is None:  # it never served anything: do not leave it failing for ever
                    self.stop()
                raise

    def point(self, environment: str, pointer: Pointer) -> None:
        def pointed(present: Route | None) -> Route:
            return Route(pointer, present.canary if present else None)

        self._routes.change(environment, pointer.token, pointed)

    def pointer(self, environment: str) -> Pointer | None:
        route = self._routes.read(environment)
        return route.pointer if route else None

    def preview(self, environment: str, dial: str | None) -> None:
        self._routes.preview(environment, dial)

    def canary(self, environment: str, canary: Canary | None, *, token: int) -> None:
        def shared(present: Route | None) -> Route:
            if present is None:
                raise Refused(
                    "edge.not_pointed",
                    f"{environment} leads nowhere yet, so there is nothing to share",
                    hint="point it at a release first",
                )
            return Route(with_(present.pointer, token=token), canary)

        self._routes.change(environment, token, shared)

    def connections(self, dial: str) -> int:
        return drain.connections(dial)

    def url(self, environment: str) -> str:
        return self._url(f"site-{environment}", environment)

    def preview_url(self, environment: str) -> str:
        return self._url(f"preview-{environment}", environment)

    def traffic(self, environment: str, since: datetime, until: datetime) -> TrafficReport:
        return self._traffic.report(environment, since, until)

    def alive(self) -> bool:
        return self._admin.config() is not None

    def drift(self, sites: Sequence[Site]) -> str:
        wanted, served = self._config(sites), self._admin.config()
        if served is None:
            return "nothing is served"
        if served != wanted:
            return "what Caddy serves is not what was applied: its configuration was changed past Greenroom"
        if self._written() != wanted:
            return f"{self._file}, from which Caddy starts, is not what was applied"
        return ""

    def life(self) -> str:
        try:
            found = self._keeper.status(KEPT_AS)
        except KeeperUnavailable as e:
            raise _no_keeper(e) from e
        return f"{found.pid}-{found.exits}"

    def metrics(self) -> str:
        """Prometheus text: request counts, durations and sizes by server (`site-ENV`) and status."""
        return self._admin.metrics()

    def stop(self) -> None:
        """End the proxy, letting requests in flight finish; the routes stay."""
        try:
            self._keeper.stop(KEPT_AS)
        except KeeperUnavailable as e:
            raise _no_keeper(e) from e

    # How it is done.

    def _config(self, sites: Sequence[Site]) -> dict[str, Any]:
        if strangers := {s.project for s in sites} - {self._project}:
            raise BadInput(
                "edge.wrong_project",
                f"this edge serves {self._project}, not {', '.join(sorted(strangers))}",
                because="a home serves one project, and so does its edge",
                hint="greenroom up --home gives the other project a home of its own",
            )
        self._check_distinct_ports(sites)
        return caddy_config.config(sites, self._layout, edge_port=self._edge_port, hold_seconds=self._hold_seconds)

    def _make_directories(self) -> None:
        for path in (self._root, self._layout.routes):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)  # whatever our umask: the proxy may be another user
        for path in (self._run, self._layout.access_log.parent, self._layout.state):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._run_as:
                os.chown(path, self._run_as.uid, self._run_as.gid)

    def _start(self) -> None:
        program = caddy(self._home.toolchains, self._run_as)
        if self._run_as:
            check_reachable(self._file)
        state = str(self._layout.state)
        spec = Spec(
            name=KEPT_AS,
            argv=(str(program), "run", "--config", str(self._file)),
            cwd=state,
            log=str(self._home.logs / "edge.log"),
            env={"HOME": state, "XDG_DATA_HOME": state, "XDG_CONFIG_HOME": state},
            uid=self._run_as.uid if self._run_as else None,
            gid=self._run_as.gid if self._run_as else None,
            groups=self._run_as.groups if self._run_as else (),
            first_wait=0.05,  # nobody is served meanwhile
            longest_wait=5.0,
            stop_seconds=25.0,  # beyond Caddy's own grace period for requests in flight
            sockets=(str(self._layout.admin),),
        )
        try:
            if self._state() == "backing-off":  # do not wait for the keeper's next attempt
                self._keeper.stop(KEPT_AS)
            try:
                self._keeper.start(spec)
            except SpecDiffers:  # a newer Caddy, another user; nobody answers anyway
                self._keeper.stop(KEPT_AS)
                self._keeper.start(spec)
        except KeeperUnavailable as e:
            raise _no_keeper(e) from e

    def _serve(self, wanted: dict[str, Any]) -> None:
        """Wait until Caddy answers, and have it serve `wanted` if it does not yet."""
        deadline = self._clock.monotonic() + START_SECONDS
        while (served := self._admin.config()) is None:
            if self._clock.monotonic() > deadline:
                raise Errored(
                    "edge.unavailable",
                    "the edge did not start",
                    because=_tail(self._home.logs / "edge.log") or "its log is empty",
                    hint="see logs/edge.log in the home directory",
                )
            self._clock.sleep(0.02)
        if served != wanted:
            self._admin.load(json.dumps(wanted).encode())

    def _written(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._file.read_text())
        except FileNotFoundError:
            return None
        except ValueError as e:
            raise Errored(
                "edge.config_unreadable",
                f"{self._file} is not what we wrote",
                because=str(e),
                hint="move the file away: the control plane writes it anew when it starts",
            ) from e
        return found if isinstance(found, dict) else None

    def _check_distinct_ports(self, sites: Sequence[Site]) -> None:
        users: dict[int, str] = {self._edge_port: "the edge"}
        for s in sites:
            for port, user in ((s.port, s.environment), (s.preview_port, f"the preview of {s.environment}")):
                if not 0 < port < 65536:
                    raise BadInput("edge.port_invalid", f"{user} asks for port {port}", hint="use 1 to 65535")
                if users.setdefault(port, user) != user or (port == s.port == s.preview_port):
                    raise _taken(port, user, users[port])

    def _check_ports(self, wanted: dict[str, Any], served: dict[str, Any] | None) -> None:
        """Every port we do not listen on yet is free. Raises BadInput (`edge.port_taken`)."""
        ours = caddy_config.ports(served or {})
        if served is None and self._state() == "running":  # it is being started again just now
            ours = caddy_config.ports(self._written() or {})
        for port, server in caddy_config.ports(wanted).items():
            if port not in ours and not _is_free(port):
                raise _taken(port, server, who_listens(port))

    def _state(self) -> str:
        try:
            return self._keeper.status(KEPT_AS).state
        except KeeperUnavailable as e:
            raise _no_keeper(e) from e

    def _url(self, server: str, environment: str) -> str:
        for port, name in caddy_config.ports(self._written() or {}).items():
            if name == server:
                return f"http://{LOOPBACK}:{port}"
        raise BadInput(
            "edge.unknown_environment",
            f"the edge does not serve {environment[:80]!r}",
            hint="greenroom apply puts the configuration with that environment in force",
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Ports that only linger in TIME_WAIT are free; a listener still refuses us.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def _taken(port: int, wanted_by: str, taken_by: str) -> BadInput:
    return BadInput(
        "edge.port_taken",
        f"port {port} for {wanted_by} is taken",
        because=f"{taken_by} has it",
        hint="stop that process, or give the environment another port",
        facts={"port": port, "taken_by": taken_by},
    )


def _no_keeper(error: OSError) -> Errored:
    return Errored("edge.unavailable", "the keeper does not answer", because=str(error), hint="greenroom up")


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-600:].strip()
    except FileNotFoundError:
        return ""
