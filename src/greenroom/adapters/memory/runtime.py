"""`MemoryRuntime`: processes that only exist in a test's mind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from greenroom.domain.command import checked_command, checked_file_name
from greenroom.domain.errors import Refused
from greenroom.domain.names import checked_name
from greenroom.domain.secret import Secret, parts, redact, revealed
from greenroom.ports.runtime import Fence, Finished, Instance, InstanceSpec, InstanceState, Place, Unpacked

FIRST_PORT = 21000
TAIL_BYTES = 64 * 1024


class MemoryRuntime:
    """The twin of `ProcessRuntime`: same answers and refusals, no process, no file, no time.

    `calls` records what was asked, in order: `("start", id)`, `("stop", id)`, `("run", *words)`, `("prepare", name)`,
    `("wake",)`. `ranks` says of each instance that was ranked whether it stands back.
    Commands end with code 0 and no output unless `will_finish` said otherwise; instances run until told.
    """

    def __init__(self, root: Path = Path("/nonexistent/greenroom")) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.specs: dict[str, InstanceSpec] = {}
        self.environments: dict[tuple[str, ...], dict[str, str]] = {}
        self._root = root
        self.fences: dict[str, int] = {}
        self.ranks: dict[str, bool] = {}
        self._instances: dict[str, Instance] = {}
        self._exits: dict[str, str] = {}
        self._finished: dict[tuple[str, ...], deque[Finished]] = defaultdict(deque)
        self._next_port = FIRST_PORT

    def will_exit(self, instance_id: str, how: str = "exit code 1") -> None:
        """The instance ends at once whenever it is started: it is found backing off."""
        self._exits[instance_id] = how
        if instance_id in self._instances:
            self.exits(instance_id, how)

    def exits(self, instance_id: str, how: str = "exit code 1", *, again: bool = False) -> None:
        """A running instance ends now; `again` says that it was started again meanwhile."""
        known = self._instances[instance_id]
        state = InstanceState.RUNNING if again else InstanceState.BACKING_OFF
        pid = known.pid if again else None
        self._instances[instance_id] = replace(known, state=state, pid=pid, exits=known.exits + 1, last_exit=how)

    def will_finish(
        self,
        command: tuple[str, ...],
        code: int | None = 0,
        output: str = "",
        *,
        ended_by: str = "",
        seconds: float = 0.0,
    ) -> None:
        """The next run of `command` (variables replaced) ends so. Said more than once: one each, the last for good."""
        self._finished[command].append(Finished(code, ended_by, output, seconds))

    def prepare(self, environment: str) -> Place:
        checked_name(environment, "environment")
        self.calls.append(("prepare", environment))
        at = self._root / environment
        return Place(environment, at / "data", at / "tmp", at / "s", at / "logs", f"gr-{environment}")

    def start(self, spec: InstanceSpec, *, fence: Fence) -> Instance:
        checked_file_name(spec.id, "instance")
        self._let_in(fence)
        self.calls.append(("start", spec.id))
        if spec.id not in self._instances:
            checked_command(spec.command, self._environment(spec.place, spec.release, spec.env))
            self.specs[spec.id] = spec
            log = spec.place.logs / f"{spec.id}.log"
            pid = 1000 + len(self.specs)
            self._instances[spec.id] = Instance(spec.id, InstanceState.RUNNING, pid, log=log)
            if spec.id in self._exits:
                self.exits(spec.id, self._exits[spec.id])
        return self._instances[spec.id]

    def stop(self, instance_id: str, *, seconds: float, fence: Fence) -> None:
        checked_file_name(instance_id, "instance")
        self._let_in(fence)
        self.calls.append(("stop", instance_id))
        self._instances.pop(instance_id, None)

    def rank(self, instance_id: str, *, stands_back: bool, fence: Fence) -> None:
        checked_file_name(instance_id, "instance")
        self._let_in(fence)
        if instance_id in self._instances:
            self.ranks[instance_id] = stands_back

    def fence(self, environment: str) -> int:
        return self.fences.get(environment, 0)

    def instance(self, instance_id: str) -> Instance:
        checked_file_name(instance_id, "instance")
        return self._instances.get(instance_id, Instance(instance_id, InstanceState.UNKNOWN))

    def instances(self, environment: str | None = None) -> list[Instance]:
        return [
            found
            for name, found in sorted(self._instances.items())
            if environment is None or self.specs[name].place.environment == environment
        ]

    def run(
        self,
        place: Place,
        release: Unpacked,
        command: tuple[str, ...],
        env: Mapping[str, str | Secret],
        *,
        seconds: float,
        log_name: str,
        on_line: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        hide: Iterable[Secret] = (),
        stands_back: bool = False,
    ) -> Finished:
        checked_file_name(log_name, "log")
        plain = self._environment(place, release, env)
        words = checked_command(command, plain)
        self.calls.append(("run", *words))
        self.environments[words] = plain
        if cancelled is not None and cancelled():
            return Finished(None, "cancelled", "", 0.0)
        scripted = self._finished[words]
        ended = scripted.popleft() if len(scripted) > 1 else scripted[0] if scripted else Finished(0, "", "", 0.0)
        if ended.seconds > seconds:
            ended = replace(ended, code=None, ended_by="time limit", seconds=seconds)
        output = redact(ended.output, parts([*(v for v in env.values() if isinstance(v, Secret)), *hide]))
        for line in output.splitlines():
            if on_line is not None:
                on_line(line)
        return replace(ended, output=output.encode()[-TAIL_BYTES:].decode(errors="ignore"))

    def free_port(self, environment: str) -> int:
        self._next_port += 1
        return self._next_port - 1

    def wake(self) -> None:
        self.calls.append(("wake",))

    def answers(self) -> bool:
        return True

    def isolation(self) -> str:
        return "nothing runs: processes only exist in memory"

    def _let_in(self, fence: Fence) -> None:
        present = self.fences.get(fence.environment, 0)
        if fence.token < present:
            raise Refused(
                "runtime.stale_token",
                "somebody came later to start and stop processes there",
                because=f"token {fence.token} for {fence.environment} is older than {present}",
            )
        self.fences[fence.environment] = fence.token

    @staticmethod
    def _environment(place: Place, release: Unpacked, env: Mapping[str, str | Secret]) -> dict[str, str]:
        own = {"PATH": "/usr/bin:/bin", "HOME": str(place.data), "TMPDIR": str(place.tmp), "LANG": "C.UTF-8"}
        return {**own, **release.env, **revealed(env)}
