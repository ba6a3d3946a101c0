"""Running nft(8), and reading what it says of a table's counters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from greenroom.adapters.egress.ruleset import FORGOTTEN_SECONDS

SECONDS = 20.0
ABSENT = "No such file or directory"
SEARCHED = "/usr/sbin:/sbin:/usr/bin:/bin"


class NftFailed(Exception):
    """nft did not do it; the text is its own."""


@dataclass(frozen=True)
class Counted:
    """One element of a counter set: `ago` is the seconds since it was counted last."""

    user: int
    address: str
    protocol: str
    port: int
    packets: int
    ago: float


@dataclass(frozen=True)
class Counters:
    """All that a table counted; `limited` are the users whose packets are judged."""

    limited: frozenset[int]
    refused: tuple[Counted, ...]
    totals: dict[int, int]


class Nft:
    """The program; `why_not` is why it cannot be used here, empty when it can."""

    def __init__(self, program: str | None = None) -> None:
        self._program = program or shutil.which("nft", path=SEARCHED)

    def why_not(self) -> str:
        """Asked anew each time: the program may have been installed meanwhile."""
        self._program = self._program or shutil.which("nft", path=SEARCHED)
        if os.geteuid() != 0:
            return "Greenroom is not root"
        if self._program is None:
            return "nft is not installed (Debian's package is nftables)"
        try:
            self._run("list", "tables")
        except NftFailed as error:
            return f"the kernel does not let Greenroom set rules (CAP_NET_ADMIN, nf_tables): {error}"
        return ""

    def apply(self, text: str) -> None:
        """One transaction: all of it or nothing. Raises NftFailed."""
        self._run("-f", "-", given=text)

    def counters(self, table: str) -> Counters | None:
        """None when there is no such table. Raises NftFailed."""
        try:
            told = json.loads(self._run("-j", "list", "table", "inet", table))["nftables"]
        except NftFailed as error:
            if ABSENT in str(error):
                return None
            raise
        sets = {s["set"]["name"]: s["set"].get("elem", []) for s in told if "set" in s}
        rules = [r["rule"] for r in told if "rule" in r]
        judged = any(r["chain"] == "output" for r in rules) and any(r["chain"] == "judge" for r in rules)
        names = ("refused", "refused6", "other", "other6")
        return Counters(
            frozenset(map(int, sets.get("limited", []))) if judged else frozenset(),
            tuple(c for name in names for c in _counted(sets.get(name, []))),
            {int(e["elem"]["val"]): int(e["elem"]["counter"]["packets"]) for e in sets.get("totals", [])},
        )

    def delete(self, table: str) -> None:
        """Idempotent. Raises NftFailed."""
        self._run("-f", "-", given=f"add table inet {table}\ndelete table inet {table}\n")

    def _run(self, *words: str, given: str = "") -> str:
        if self._program is None:
            raise NftFailed("nft is not installed")
        try:
            done = subprocess.run(
                [self._program, "-n", *words], input=given, env={"LANG": "C.UTF-8"}, capture_output=True, text=True,
                timeout=SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NftFailed(str(error)) from error
        if done.returncode != 0:
            raise NftFailed(" ".join(done.stderr.split())[:400])
        return done.stdout


_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmpv6", 132: "sctp", 136: "udplite"}


def _counted(elements: list[dict[str, Any]]) -> Iterator[Counted]:
    for e in elements:
        told = e["elem"]
        user, address, protocol, *port = told["val"]["concat"]
        ago = max(0.0, FORGOTTEN_SECONDS - float(told.get("expires", FORGOTTEN_SECONDS)))
        named = _PROTOCOLS.get(int(protocol), str(protocol)) if str(protocol).isdigit() else str(protocol)
        yield Counted(int(user), address, named, int(port[0]) if port else 0, int(told["counter"]["packets"]), ago)
