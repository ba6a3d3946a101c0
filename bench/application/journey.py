"""What the application is for: it keeps what is written, and finds it again."""

import os
import urllib.request

url = os.environ["GREENROOM_URL"]


def asked(data: bytes | None = None) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=20) as answer:
        return int(answer.read().split()[1])


before = asked()
asked(b"the journey was here")
if asked() <= before:
    raise SystemExit("a note was lost")
