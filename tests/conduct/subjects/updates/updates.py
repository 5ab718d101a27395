"""A control subject that fetches rules and uses them. HOW it does says the environment:

checks   it takes only rules that fit their signature, made with a key of its maker's; keeps others aside
trusts   it takes what comes
runs     it gives what comes to a shell
"""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

FROM = "https://up.example.org/rules.txt"
HOME = Path("/home/alice/.local")
RULES, ASIDE = HOME / "rules", HOME / "rejected/rules"
KEY = b"the maker's own"


def update(how: str) -> int:
    found, signature = (_fetched(FROM + ending) for ending in ("", ".sig"))
    if how == "checks" and not hmac.compare_digest(sealed(found), signature.strip()):
        ASIDE.parent.mkdir(parents=True, exist_ok=True)
        ASIDE.write_bytes(found)
        return 3
    HOME.mkdir(exist_ok=True)
    RULES.write_bytes(found)
    return subprocess.run(["sh", str(RULES)], check=False).returncode if how == "runs" else 0


def sealed(content: bytes) -> bytes:
    """In the place of a signature: nobody without the key can make it."""
    return hmac.new(KEY, content, hashlib.sha256).hexdigest().encode()


def _fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read(1 << 20))


if __name__ == "__main__":
    sys.exit(update(os.environ["HOW"]) if sys.argv[1] == "update" else len(RULES.read_bytes()) == 0)
