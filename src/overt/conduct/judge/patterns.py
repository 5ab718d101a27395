"""Patterns as in .gitignore, from the root, fast on the many paths that none of them matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pathspec import GitIgnoreSpec

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
REMEMBERED = 1 << 15
"""Patterns kept compiled."""


class Patterns:
    """A list of patterns; a later one that begins with `!` takes paths out again."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._spec = GitIgnoreSpec.from_lines(lines)
        taken = [one.regex.pattern for one in self._spec.patterns if one.include and one.regex is not None]
        joined = "|".join(f"(?:{_NAMED_GROUP.sub('(?:', text)})" for text in taken)
        self._any = re.compile(joined, re.DOTALL) if joined else None  # a file's name may hold a newline
        self._exact = all(one.include is not False for one in self._spec.patterns)

    def match(self, path: str) -> bool:
        """Whether an absolute path is among them."""
        bare = path.lstrip("/")
        if self._any is None or self._any.match(bare) is None:
            return False
        return self._exact or bool(self._spec.match_file(bare))


@lru_cache(REMEMBERED)
def patterns(lines: tuple[str, ...]) -> Patterns:
    """The patterns of these lines, compiled once."""
    return Patterns(lines)
