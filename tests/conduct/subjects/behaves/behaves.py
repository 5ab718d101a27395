"""A control subject that does what a scanner should: reads what it is told to scan, and talks only to its update host.

python3 behaves.py scan FOLDER
python3 behaves.py update
"""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.request

DETECTION = b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE"
UPDATE = "https://update.behaves.example/rules.json"


def update() -> int:
    with urllib.request.urlopen(UPDATE, timeout=10) as answer:
        answer.read(1 << 20)
    return 0


def scan(folder: str) -> int:
    infected, digests = 0, set()
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as stream:
                data = stream.read()
            digests.add(hashlib.sha256(data).digest())
            if DETECTION in data:
                infected += 1
                print(f"{os.path.join(where, name)}: EICAR test file FOUND")
    print(f"{len(digests)} contents scanned, {infected} infected")
    return 1 if infected else 0


if __name__ == "__main__":
    sys.exit(update() if sys.argv[1] == "update" else scan(sys.argv[2]))
