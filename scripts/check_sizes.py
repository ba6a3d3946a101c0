"""No file of code over 400 lines: one that grows past it is a room to divide."""

import subprocess
import sys
from pathlib import Path

LIMIT = 400
ROOT = Path(__file__).resolve().parent.parent

listed = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
sizes = {name: (ROOT / name).read_text().count("\n") for name in listed if (ROOT / name).exists()}
over = {name: n for name, n in sizes.items() if n > LIMIT}
for name, n in sorted(over.items()):
    print(f"{name}: {n} lines, limit {LIMIT}")
median = sorted(sizes.values())[len(sizes) // 2] if sizes else 0
print(f"{len(sizes)} files, median {median} lines, longest {max(sizes.values(), default=0)}")
sys.exit(1 if over else 0)
