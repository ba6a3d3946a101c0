"""Where `greenroom` starts. `status` is asked all day long, so it goes a way that imports next to nothing."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code: 0 done, 1 refused, 2 not understood, 3 errored."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["status"]:
        from greenroom.cli import quick

        code = quick.status(words[1:])
        if code is not None:
            return code
    from greenroom.cli.root import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
