"""The core journey, told by whoever runs this file, with what is around them: `main(POSTGRES, NAME)`.

Two releases through two environments, the second with a migration; back again; nothing damaged; down.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from greenroom.adapters.runtimes.process import ProcessRuntime
from tests.life_support import SERVE, Life, living, wait_until

CONFIG = """\
project: {project}
release: {{version: "{version}", language: none, executables: [python3, psql]}}
processes:
  web: {{command: "./serve", stop: 3s}}
migration: {{style: command, command: "./migrate"}}
services: {{postgres: {data}}}
environments:
  dev: {{port: {dev}, preview_port: {preview}, gates: {{checks: {{none_needed: it is tiny}}}}}}
  qa: {{port: {qa}, preview_port: {preview_qa}, gates: {{checks: {{none_needed: it is tiny}}}}}}
edge: {{port: {edge}, ports_from: {first}}}
api: {{port: {api}}}
"""
MIGRATE = """\
#!/usr/bin/env python3
import os, subprocess, sys
PSQL = "/usr/lib/postgresql/15/bin/psql"  # not the wrapper in /usr/bin, which reads its own modules
change = "CREATE TABLE IF NOT EXISTS visitor (id int)"
if "VERSION" == "2.0":
    change += "; ALTER TABLE visitor ADD COLUMN IF NOT EXISTS name text DEFAULT 'Zoë'"
words = [PSQL, os.environ["DATABASE_URL"] + "?gssencmode=disable", "-qX", "-v", "ON_ERROR_STOP=1", "-c", change]
sys.exit(subprocess.run(words).returncode)
"""


def main(postgres: str, name: str) -> None:
    """Raises AssertionError where the story breaks; prints what a test wants to know, as JSON."""
    files = {"serve": SERVE, "migrate": MIGRATE}
    more = {"config": CONFIG, "files": files}
    with living(postgres, environments=("dev", "qa", "preview_qa"), name=name, **more) as life:
        life.commit("1.0")
        life.up()
        for version in ("1.0", "2.0"):
            life.release(version)
            asked(life, "promote", version, "qa")
            assert (life.visit("dev"), life.visit("qa")) == (version, version)
        asked(life, "rollback", "qa")
        assert (life.visit("dev"), life.visit("qa")) == ("2.0", "1.0")
        found = json.loads(asked(life, "doctor", "--json"))
        verified = json.loads(asked(life, "ledger", "verify", "--json"))
        told = {
            "isolation": ProcessRuntime(life.home, life.keeper, life.project).isolation(),
            "uid": os.getuid(),
            "root": str(life.root),
            "modes": {p: oct(Path(life.home.root, p).stat().st_mode & 0o777) for p in ("private", "greenroom.db")},
            "doctor": [x for x in found if x["outcome"] != "passed"],
            "verified": verified,
            "offset": time.localtime().tm_gmtoff,
            "asked_at": [w["requested_at"] for w in life.works()],
        }
        wait_until(lambda: not life.unfinished())
    print(json.dumps(told))


def asked(life: Life, *words: str) -> str:
    """A command that has to go well; what it printed."""
    ran = life.run(*words)
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout
