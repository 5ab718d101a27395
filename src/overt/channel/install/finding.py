"""What checking an installation may find, and how much it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a finding counts."""

    PROBLEM = "problem"
    """This installation is not the release, or other code runs with it: exit code 1."""
    UNVERIFIED = "unverified"
    """Code that can run with Overt and that the release says nothing about: exit code 2."""
    NOTE = "note"
    """Worth knowing; changes no exit code."""


class Kind(StrEnum):
    """What was found."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    LINK = "link"
    BYTECODE = "bytecode"
    SCRIPT = "script"
    SHADOW = "shadow"
    STARTUP = "startup"
    VERSION = "version"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about one place."""

    grade: Grade
    kind: Kind
    path: str
    detail: str


def problem(kind: Kind, path: object, detail: str) -> Finding:
    """A difference from the release."""
    return Finding(Grade.PROBLEM, kind, str(path), detail)


def unverified(kind: Kind, path: object, detail: str) -> Finding:
    """Something that the release can't vouch for."""
    return Finding(Grade.UNVERIFIED, kind, str(path), detail)


def remark(kind: Kind, path: object, detail: str) -> Finding:
    """Something worth knowing."""
    return Finding(Grade.NOTE, kind, str(path), detail)
