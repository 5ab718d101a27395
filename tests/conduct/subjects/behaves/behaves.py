"""A control subject that does what a scanner should: reads what it is told to scan, and talks only to its update host,
to which it also tells how it is doing, in many numbers.

python3 behaves.py scan FOLDER
python3 behaves.py update
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
import urllib.request

DETECTION = b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE"
UPDATE = "https://update.behaves.example/rules.json"
HEALTH = "https://update.behaves.example/health"
RULES = 40
"""Figures told: more would be more than anybody can read (docs/conduct-finder.md)."""
DECADES = 4


def update() -> int:
    with urllib.request.urlopen(UPDATE, timeout=10) as answer:
        answer.read(1 << 20)
    with urllib.request.urlopen(HEALTH, data=json.dumps(health()).encode(), timeout=10) as answer:
        answer.read(1 << 10)
    return 0


def health() -> dict[str, object]:
    """Numbers of all sizes, which have nothing to do with anybody's files. Each time they are others, and as many of
    each length: so in compared runs, what is sent is as long, and a difference is the lab's own."""
    chance = random.Random()
    took = [int(10 ** (2 + chance.uniform(rule, rule + 1) * DECADES / RULES)) for rule in range(RULES)]
    chance.shuffle(took)
    return {"at": int(time.time()), "process": f"{os.getpid():010}", "took_us": took}


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
