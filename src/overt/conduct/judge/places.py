"""Sorts of places that mean something by themselves; a pattern is as in .gitignore, from the root."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from overt.conduct.judge.patterns import Patterns, patterns


@dataclass(frozen=True, slots=True)
class Place:
    """Files that are of one sort."""

    name: str
    patterns: tuple[str, ...]


def libraries(*names: str) -> tuple[str, ...]:
    """Below each folder of libraries."""
    return tuple(f"{top}/{name}" for top in ("/lib", "/usr/lib", "/usr/local/lib") for name in names)


def users(*names: str) -> tuple[str, ...]:
    """Of each user, of root, and of those to come."""
    homes = ("/home/*", "/root", "/etc/skel")
    return tuple(f"{'!' * (name[0] == '!')}{home}/{name.lstrip('!')}" for name in names for home in homes)


def place_of(path: str, places: tuple[Place, ...]) -> str:
    """The name of the first of `places` that the path is in; empty if in none."""
    if not _in_any(places).match(path):
        return ""
    return next((place.name for place in places if patterns(place.patterns).match(path)), "")


@lru_cache(None)
def _in_any(places: tuple[Place, ...]) -> Patterns:
    return patterns(tuple(line for place in places for line in place.patterns if not line.startswith("!")))
