"""Which code judged: a report states it, so that another build's answers can be told from answers that were changed."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import overt
from overt.conduct.chamber.products import digest

FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
)
"""Of the PDF, regular and bold: with Cyrillic, Greek and more, where Debian's fonts-dejavu-core is installed."""
LIBRARIES = (
    *("ahocorasick-rs", "backports.zstd", "cryptography", "jinja2", "lz4"),
    *("markupsafe", "msgspec", "pathspec", "pybit7z", "reportlab"),
)
"""What finder, judge and forms work with."""
SHOWN_DIGITS = 12
"""Of a digest that people read."""
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Build:
    """A build of Overt. Two that are equal give the same answers to the same evidence."""

    version: str
    sha256: str
    """Of Overt's files, as `overt.conduct.chamber.products.digest` takes it of a folder, in hex."""
    rests_on: Mapping[str, str] = field(default_factory=dict)
    """Python, the libraries and the fonts: name → version, or digest."""

    def __str__(self) -> str:
        return f"overt {self.version}, build {self.short}"

    @property
    def short(self) -> str:
        """The digest as people read it."""
        return self.sha256[:SHOWN_DIGITS]

    def other_than(self, here: Build) -> str:
        """What differs between this one and the one that is `here`, in words; empty if nothing does."""
        if self.sha256 != here.sha256:
            return f"made by another build ({self}; this is {here})"
        names = sorted({*self.rests_on, *here.rests_on})
        pairs = ((name, self.rests_on.get(name, "none"), here.rests_on.get(name, "none")) for name in names)
        parts = [f"{name} {theirs} (here {ours})" for name, theirs, ours in pairs if theirs != ours]
        return f"made with {', '.join(parts)}" if parts else ""

    def stated(self) -> dict[str, Any]:
        """As a statement has it."""
        return {
            "name": "overt",
            "version": self.version,
            "digest": {"sha256": self.sha256},
            "restsOn": dict(self.rests_on),
        }


@cache
def here() -> Build:
    """The one that runs. Raises `OSError`."""
    return Build(overt.__version__, digest(Path(overt.__file__).parent), dict(_rests_on()))


def claimed(tool: object) -> Build:
    """The one that a statement's `tool` names, whatever a stranger wrote there."""
    match tool:
        case {"version": str(version), "digest": {"sha256": str(sha256)}, "restsOn": dict(rests_on)}:
            return Build(version, sha256, {str(name): str(value) for name, value in rests_on.items()})
        case {"version": str(version)}:
            return Build(version, UNKNOWN)
    return Build(UNKNOWN, UNKNOWN)


def _rests_on() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    yield "zlib", zlib.ZLIB_RUNTIME_VERSION
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):  # Python 3.14 brings zstd itself
            yield name, metadata.version(name)
    for path in map(Path, FONTS):
        yield path.name, digest(path)[:SHOWN_DIGITS] if path.exists() else "none"
