"""One running process, from its birth (or adoption) to its end: watching, signalling, killing all of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

from greenroom.keeper import procfs


class Life:
    """A process this keeper started or adopted, named by pid and start time, watched through a pidfd.

    `info` is where a sandbox writes the pid of the process inside it; signals go there.
    """

    def __init__(self, pid: int, start: int, info: Path | None, child: tuple[int, int] | None = None) -> None:
        self.pid = pid
        self.start = start
        self._info = info
        self._child = child
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:  # ended and reaped by somebody before we looked
            self._fd = -1
            self._ended.set_result("ended unseen")
            return
        asyncio.get_running_loop().add_reader(self._fd, self._on_end)

    async def ended(self) -> str:
        """Wait for the end; says how: `exit code 3`, `signal 9`, or `ended unseen` for an adopted process."""
        return await asyncio.shield(self._ended)

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    def child(self) -> tuple[int, int] | None:
        """Pid and start time of the process inside the sandbox, once the sandbox has said it."""
        if self._info is not None and self._child is None:
            try:
                pid = int(json.loads(self._info.read_text())["child-pid"])
            except (OSError, ValueError, KeyError, TypeError):
                return None
            found = procfs.stat(pid)
            if found is not None and found.parent == self.pid:  # a stale file cannot name somebody else's process
                self._child = (pid, found.start)
        return self._child

    async def signal(self, number: int) -> None:
        """To the process itself, inside its sandbox if it has one; waits for the sandbox to be up."""
        if self._info is None:
            self._send(self.pid, self.start, number)
            return
        while (child := self.child()) is None and not self.has_ended:
            await asyncio.sleep(0.01)
        if child is None:
            return
        if number != signal.SIGKILL and procfs.deadly_unhandled(child[0], number):
            number = signal.SIGKILL
        self._send(*child, number)

    async def kill(self) -> None:
        """SIGKILL to all of it, until the process itself is gone."""
        while not self.has_ended:
            child = self.child()
            if child is not None and procfs.is_same(*child):
                self._send(*child, signal.SIGKILL)  # all of its pid namespace dies with it
                await asyncio.wait([self._ended], timeout=2)
            if not self.has_ended:
                for process in procfs.family(self.pid):
                    procfs.kill(process)
                self._send(self.pid, self.start, signal.SIGKILL)
                await asyncio.wait([self._ended], timeout=1)

    def sweep(self) -> None:
        """After the end: nothing of its session and nothing of its sandbox lives on."""
        if self._child is not None and procfs.is_same(*self._child):
            self._send(*self._child, signal.SIGKILL)
        for process in procfs.everything():
            if process.session == self.pid != process.pid and process.is_alive:
                procfs.kill(process)

    def let_go(self) -> None:
        """Stop watching; the process lives on."""
        if not self._ended.done():
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._ended.set_result(self._how())

    def _how(self) -> str:
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:  # adopted: its status went to another parent
            return "ended unseen"
        code = os.waitstatus_to_exitcode(status)
        if code > 128 and self._info is not None:
            code = 128 - code  # how a sandbox reports that a signal ended the process inside
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    @staticmethod
    def _send(pid: int, start: int, number: int) -> None:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            if procfs.is_same(pid, start):
                signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)
