"""What a bundle is built from: a `sources.toml`, or the paths that the command names.

[[source]]
name = "our-rules"              # a folder of the bundle
paths = ["rules", "bad.csv"]    # relative to this file; whatever 'overt rules add' takes
author = "Example Bank CERT"    # for rules that name none
licence = "Apache-2.0"
origin = "https://example.org/our-rules"

[[override]]                    # ships a rule that the review did not pass; every user sees why
rule = "Suspicious_Doc"
reason = "matches the lure of campaign 17; checked by two analysts"

[[revoked]]                     # leaves a rule out, and says so
rule = "Bad_Rule"
serial = 12
reason = "false positives on payroll files"
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from overt.channel.manifest import LEVELS_OF_LISTS
from overt.core.errors import UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}", re.ASCII)


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source of rules and hashes."""

    name: str
    paths: tuple[str, ...]
    author: str = ""
    licence: str = ""
    origin: str = ""
    content: str = ""
    """What the hashes are of: `program`, `document`, or empty when that is not known; the manifest states it, and the
    review rests on it."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refused rule that is published all the same, and why."""

    rule: str
    reason: str


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that is taken back: since which release, and why."""

    rule: str
    serial: int
    reason: str


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a bundle is made from; `paths` are absolute or relative to the working folder."""

    source: tuple[Origin, ...]
    override: tuple[Override, ...] = ()
    revoked: tuple[Revocation, ...] = ()
    restored: tuple[str, ...] = ()
    """Rules that were revoked and come back."""


def read(path: Path) -> Sources:
    """The sources that a TOML file lists. Raises `UsageError` with the place of a mistake."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Sources)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{path}: {error}; its tables are [[source]], [[override]] and [[revoked]], and a list 'restored'"
        ) from None
    origins = tuple(
        msgspec.structs.replace(origin, paths=tuple(str(path.parent / one) for one in origin.paths))
        for origin in found.source
    )
    return checked(msgspec.structs.replace(found, source=origins))


def checked(sources: Sources) -> Sources:
    """`sources` if a bundle can be made of them. Raises `UsageError`."""
    names = [origin.name for origin in sources.source]
    if not names:
        raise UsageError("nothing to build from: name rule files, or a sources.toml")
    for origin in sources.source:
        if not _NAME.fullmatch(origin.name) or names.count(origin.name) > 1:
            raise UsageError(
                f"source name {origin.name!r}: use each once; small letters, digits, '.', '_', '-'"
            )
        if origin.content not in LEVELS_OF_LISTS:
            raise UsageError(f"source {origin.name!r}: content is 'program', 'document' or left out")
        for key in ("author", "licence", "origin"):
            if not getattr(origin, key).strip():
                raise UsageError(
                    f"source {origin.name!r} has no {key}: give it with --{key}, or as {key} = in sources.toml; it "
                    "stands for rules that name none"
                )
    reasons: tuple[Override | Revocation, ...] = (*sources.override, *sources.revoked)
    for given in reasons:
        if not given.reason.strip():
            raise UsageError(f"rule {given.rule!r}: a reason must be written, users will read it")
    return sources
