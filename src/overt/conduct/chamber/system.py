"""Which system a product finds itself on: what is stated of it in the report."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from pathlib import Path

from overt.conduct.chamber import inside
from overt.conduct.chamber.products import digest
from overt.conduct.chamber.view import SYSTEM
from overt.conduct.evidence.records import System

LIVE = Path("/")
OS_RELEASE = ("etc/os-release", "usr/lib/os-release")
"""Where os-release(5) has it, in its order."""
MAX_RELEASE_BYTES = 64 << 10
MAX_NAME = 200


def look(root: Path) -> System:
    """The system below `root`: the machine's own if that is `/`, else a snapshot, whose digest is taken of the folders
    that a chamber shows. Raises `ConductError`, `OSError`."""
    if root == LIVE:
        return System(name=_name(root), snapshot=False)
    tops = sorted(name for name in SYSTEM if (root / name).is_dir() and not (root / name).is_symlink())
    lines = "".join(f"{digest(root / name)}  {name}\n" for name in tops)
    return System(name=_name(root), snapshot=True, sha256=hashlib.sha256(lines.encode()).hexdigest())


def _name(root: Path) -> str:
    """As it calls itself, or nothing: `PRETTY_NAME` of os-release(5), which is lines as of a shell."""
    for file in OS_RELEASE:
        path = inside.at(root, file)
        if path.is_file():
            with open(path, "rb") as stream:
                return _pretty(stream.read(MAX_RELEASE_BYTES).decode("utf-8", "replace"))
    return ""


def _pretty(text: str) -> str:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip() == "PRETTY_NAME":
            with contextlib.suppress(ValueError):  # a quotation mark without its other
                return " ".join(shlex.split(value))[:MAX_NAME]
    return ""
