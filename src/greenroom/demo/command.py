"""Greenroom's command line as the demo uses it: the way a user would, reading `--json`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.domain.errors import Errored, from_dict


@dataclass(frozen=True)
class Greenroom:
    """Runs `greenroom …` in `directory`. `extra` are environment variables beside the few that pass through."""

    directory: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = (sys.executable, "-m", "greenroom.cli.main")

    def ask(self, *arguments: str, seconds: float = 300.0) -> Any:
        """What `greenroom ARGUMENTS --json` answers; None when it prints nothing.

        Raises the GreenroomError the command ended with, or Errored (`demo.command`) when it did not say one.
        """
        command = [*self.program, *arguments, "--json"]
        name = "greenroom " + " ".join(arguments)
        try:
            done = subprocess.run(
                command,
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Errored("demo.command", f"{name} did not end within {seconds:.0f} s") from error
        if done.returncode:
            raise _error(name, done.returncode, done.stderr, done.stdout)
        try:
            return json.loads(done.stdout) if done.stdout.strip() else None
        except ValueError as error:
            raise Errored("demo.command", f"{name} did not answer JSON", because=done.stdout[:300]) from error

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
        passed = {k: v for k, v in os.environ.items() if k in kept or k.startswith(("UV_", "PIP_"))}
        proxies = {k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")}
        return {**passed, **proxies, **self.extra}


def _error(name: str, code: int, *outputs: str) -> Exception:
    """The error a command told as JSON on its last line, or one made of what it said instead."""
    for output in outputs:
        for text in (output, (output.strip().splitlines() or [""])[-1]):
            try:
                data = json.loads(text)
            except ValueError:
                continue
            if isinstance(data, dict):
                data = data.get("error", data)
            if isinstance(data, dict) and "code" in data:
                return from_dict(data)
    said = "\n".join(o.strip() for o in outputs if o.strip())
    return Errored("demo.command", f"{name} ended with exit code {code}", because=said[-1500:])
