"""The keeper itself: one thread, one socket, one `Kept` per name.

Requests and answers are single lines of JSON on `keeper.sock`, one request per connection:
`{"op": "start", "spec": {…}, "fence": {…}}` → `{"ok": …}` or `{"error": KIND, "text": …}`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from greenroom.keeper.crash import crash_at
from greenroom.keeper.fences import Fences, fence_of
from greenroom.keeper.kept import Kept, Say
from greenroom.keeper.records import Records, UnknownVersion, from_json
from greenroom.keeper.spec import Fence, KeeperRefused, Spec, SpecDiffers, StaleFence, Status

LARGEST_REQUEST = 4 * 1024 * 1024
PATIENCE = 10.0  # seconds a client has to say what it wants
LOGS_EVERY = 1.0
PROTOCOL = 1


class Server:
    """Everything kept in one directory. `recover` first, then `serve`."""

    def __init__(self, directory: Path, say: Say) -> None:
        self._records = Records(directory)
        self._fences = Fences(self._records, say)
        self._path = directory / "keeper.sock"
        self._say = say
        self._kept: dict[str, Kept] = {}
        self._strange: dict[str, str] = {}  # records that this version does not understand, and why
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[object]] = set()
        self._done = asyncio.Event()

    def recover(self, *, at_rest: bool = False) -> None:
        """Adopt what runs, start what died, finish stops that were cut short; leave alone what is not understood.

        `at_rest`: what died is started when somebody asks for it by name, or says `wake`.
        """
        began = time.perf_counter()
        self._records.prepare()
        self._fences.recover()
        for name in list(self._records.names()):
            try:
                spec, wanted = self._records.spec(name)
            except (UnknownVersion, ValueError, KeyError) as error:
                self._strange[name] = f"left alone: {error}"
                self._say(f"{name}: left alone: {error}")
                continue
            kept = self._kept[name] = Kept(spec, self._records, self._say, wanted=wanted, at_rest=at_rest)
            kept.begin()
            if not wanted:
                self._spawn(self._stop(name, None))
        self._say(f"keeps {len(self._kept)} processes, {(time.perf_counter() - began) * 1000:.1f} ms")

    async def serve(self) -> None:
        """Answer until told to end. The children are left running unless the request said otherwise."""
        listener = await self._listen()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._done.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        self._spawn(self._mind_logs())
        async with listener:
            await self._done.wait()
        for kept in self._kept.values():
            await kept.let_go()
        self._path.unlink(missing_ok=True)

    async def _listen(self) -> asyncio.Server:
        self._path.unlink(missing_ok=True)  # the lock says that we are the only keeper here
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            sock.bind(str(self._path))
        finally:
            os.umask(before)
        return await asyncio.start_unix_server(self._answer, sock=sock, limit=LARGEST_REQUEST)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._reply(reader, writer)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError):
            pass  # the client went away: what it asked for stands, and asking again is harmless
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        if not _is_ours(writer.get_extra_info("socket")):
            return {"error": "KeeperRefused", "text": "only the keeper's own user and root may ask"}
        try:
            async with asyncio.timeout(PATIENCE):
                request = json.loads(await reader.readline())
            return {"ok": await self._do(request)}
        except (SpecDiffers, StaleFence, KeeperRefused) as error:
            return {"error": type(error).__name__, "text": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            return {"error": "KeeperRefused", "text": f"malformed request: {error}"}
        except OSError as error:
            self._say(f"could not answer: {error}")
            return {"error": "KeeperUnavailable", "text": str(error)}

    async def _do(self, request: dict[str, Any]) -> Any:
        match request["op"]:
            case "ping":
                known = {"names": len(self._kept), "strange": self._strange, "fences": self._fences.told()}
                return {"pid": os.getpid(), "protocol": PROTOCOL, **known}
            case "start":
                spec, fence = from_json(request["spec"]), fence_of(request.get("fence"))
                return dataclasses.asdict(await self._start(spec, fence))
            case "stop":
                name, seconds = str(request["name"]), request.get("seconds")
                self._fences.let_in(fence_of(request.get("fence")))
                return dataclasses.asdict(await self._stop(name, None if seconds is None else float(seconds)))
            case "signal":
                return await self._signal(str(request["name"]), str(request["signal"]))
            case "rank":
                self._fences.let_in(fence_of(request.get("fence")))
                return self._rank(str(request["name"]), bool(request["stands_back"]))
            case "status":
                return dataclasses.asdict(self._status(str(request["name"])))
            case "all":
                return [dataclasses.asdict(self._status(n)) for n in sorted({*self._kept, *self._strange})]
            case "wake":
                return self._wake()
            case "shutdown":
                return await self._shutdown(stop_children=bool(request["stop_children"]))
            case other:
                raise KeeperRefused(f"this keeper cannot {other!r}")

    async def _start(self, spec: Spec, fence: Fence | None = None) -> Status:
        name = spec.name
        if name in self._strange:
            raise KeeperRefused(f"{name} is {self._strange[name]}")
        self._fences.let_in(fence)
        async with self._locks[name]:
            kept = self._kept.get(name)
            if kept is not None and not kept.wanted:  # being stopped: begin anew when it is gone
                await self._end(name, None)
                kept = None
            self._fences.let_in(fence)  # again: it may have waited, and another been let in meanwhile
            if kept is None:
                self._records.save_spec(spec, wanted=True)
                crash_at("start.recorded")
                kept = self._kept[name] = Kept(spec, self._records, self._say)
                kept.begin()
                crash_at("start.done")
            elif kept.spec != spec:
                raise SpecDiffers(f"{name} is kept with another spec")
            kept.wake()
            return kept.status()

    async def _stop(self, name: str, seconds: float | None) -> Status:
        if name in self._strange:
            raise KeeperRefused(f"{name} is {self._strange[name]}")
        return Status(name, "unknown", last_exit=await self._end(name, seconds))

    async def _end(self, name: str, seconds: float | None) -> str:
        """How it ended. Not under the name's lock: a second, more impatient stop must get through."""
        kept = self._kept.get(name)
        if kept is None:
            return ""
        await kept.stop(seconds)
        if self._kept.get(name) is kept:
            del self._kept[name]
        return kept.status().last_exit

    async def _signal(self, name: str, word: str) -> None:
        kept = self._kept.get(name)
        if kept is None:
            raise KeeperRefused(f"{name} is not kept here")
        if word not in signal.Signals.__members__:
            raise KeeperRefused(f"no signal is called {word}")
        async with asyncio.timeout(PATIENCE):
            await kept.signal(signal.Signals[word])

    def _rank(self, name: str, stands_back: bool) -> None:
        if (kept := self._kept.get(name)) is not None:
            kept.rank(stands_back=stands_back)

    def _wake(self) -> None:
        for kept in self._kept.values():
            kept.wake()

    def _status(self, name: str) -> Status:
        if name in self._strange:
            return Status(name, "unknown", last_exit=self._strange[name])
        kept = self._kept.get(name)
        return kept.status() if kept else Status(name, "unknown")

    async def _shutdown(self, *, stop_children: bool) -> None:
        if stop_children:
            await asyncio.gather(*(self._end(name, None) for name in list(self._kept)))
        asyncio.get_running_loop().call_later(0.05, self._done.set)  # after the answer was written

    async def _mind_logs(self) -> None:
        while not self._done.is_set():
            for name, kept in list(self._kept.items()):
                try:
                    kept.mind_log()
                except OSError as error:
                    self._say(f"{name}: cannot rotate its log: {error}")
            await asyncio.sleep(LOGS_EVERY)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_ours(connection: socket.socket) -> bool:
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in (0, os.getuid())
