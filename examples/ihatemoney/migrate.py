"""Bring the schema to this release: what creating the application does first, and nothing after it.

The application's own command, `ihatemoney db upgrade`, creates the application too (so it migrates), then
looks for migrations a second time.
"""

import sys
from importlib.metadata import version

import wsgi  # noqa: F401 - importing it creates the application, which migrates

print(f"the schema is that of I Hate Money {version('ihatemoney')}")
sys.exit(0)
