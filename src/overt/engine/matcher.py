"""The rule engine behind one small seam: compile sources, match bytes, tell what matched and where."""

from __future__ import annotations

from typing import Any, NamedTuple

import boreal

from overt.core.errors import PackError
from overt.core.model import Finding, PatternMatch
from overt.engine.pack import COMMON, Pack
from overt.engine.route import route_of

ENGINE = f"boreal {boreal.__version__}"
MAX_MATCHES = 16
"""Matches kept per pattern of a finding."""
MATCH_DATA_BYTES = 64
MAX_COUNTED = 100_000
"""Matches of one pattern in one content that the engine counts (its own default, 1,000, is soon flooded)."""

FILE_TYPES = {"pe": "EXE", "elf": "ELF"}
"""Route → value of the external variable `filetype`, as rules expect it."""


class Look(NamedTuple):
    """What the rules say of one content."""

    findings: list[Finding]
    flooded: list[str]
    """Rules that did not match, of which a pattern matched more than `MAX_COUNTED` times."""


class Matcher:
    """The loaded rules of one pack: one scanner per route, or several when there is no time to make one."""

    def __init__(self, pack: Pack, hasty: bool = False) -> None:
        """Load the pack's rules. `hasty` is for few bytes: what was compiled ahead is taken when the first content
        takes its route, in the parts in which it is stored, and each part matches that content. Otherwise many rules
        are compiled again from their texts, to one scanner. Raises `PackError` when the engine rejects the rules."""
        self.pack = pack
        self._stored = _stored(pack, hasty) if pack.engine == ENGINE else {}
        self._scanners: dict[str, tuple[Any, ...]] = {}
        for route in pack.routes:
            if not (hasty and route in self._stored):
                self._load(route)

    @property
    def rules(self) -> int:
        """Number of rules loaded."""
        return len(self.pack.records)

    def match(self, data: bytes, name: str = "") -> list[Finding]:
        """One finding per rule that matches `data`, `inside` and `sha256` left to the caller."""
        return self.look(data, name).findings

    def look(self, data: bytes, name: str = "") -> Look:
        """As `match`, and which rules' answer may be wrong for too many matches of a pattern."""
        found: dict[str, Any] = {}
        flooded: set[str] = set()

        def warned(kind: int, pattern: Any) -> int:
            flooded.add(pattern.rule)
            return int(boreal.CALLBACK_CONTINUE)

        route = route_of(data)
        externals = self._values(name, route) if self.pack.externals else None
        for scanner in (*self._load(COMMON), *self._load(route)):
            # The engine's fast mode skips patterns it need not look at, so a file that matches is seen twice.
            if scanner.match(data=data, externals=externals, fast=True, warnings_callback=warned):
                for match in scanner.match(
                    data=data, externals=externals, fast=False, max_match_data=MATCH_DATA_BYTES
                ):
                    found[f"{match.namespace}:{match.rule}"] = match
        matched = {match.rule for match in found.values()}
        return Look([self._finding(key, match) for key, match in found.items()], sorted(flooded - matched))

    def _load(self, route: str) -> tuple[Any, ...]:
        """The route's scanners, loaded on first use; none when no rule is on that route."""
        if route not in self._scanners:
            known = route in self._stored or route in self.pack.routes
            self._scanners[route] = self._loaded(route) if known else ()
        return self._scanners[route]

    def _loaded(self, route: str) -> tuple[Any, ...]:
        try:
            if route in self._stored:
                scanners = tuple(boreal.load(data=part) for part in self._stored[route])
            else:
                scanners = (compile_sources(self.pack.routes[route], self.pack.externals),)
        except boreal.Error as error:
            raise PackError(f"the rule engine rejects route {route!r} of the pack: {error}") from error
        for scanner in scanners:
            scanner.set_params(string_max_nb_matches=MAX_COUNTED)
        return scanners

    def _values(self, name: str, route: str) -> dict[str, str]:
        base = name.rsplit("/", 1)[-1]
        extension = "." + base.rsplit(".", 1)[-1].lower() if "." in base else ""
        file_type = FILE_TYPES.get(route, "")
        known = {"filename": base, "filepath": name, "extension": extension, "filetype": file_type}
        return {external: known.get(external, "") for external in self.pack.externals}

    def _finding(self, key: str, match: Any) -> Finding:
        record = self.pack.records[key]
        return Finding(
            rule=record.name,
            pack=record.pack,
            severity=record.severity,
            author=record.author,
            description=record.description,
            reference=record.reference,
            licence=record.licence,
            tags=record.tags,
            matches=tuple(
                PatternMatch(f"${strings.identifier}", hit.offset, hit.matched_length, hit.matched_data)
                for strings in match.strings
                for hit in strings.instances[:MAX_MATCHES]
            ),
        )


def _stored(pack: Pack, hasty: bool) -> dict[str, tuple[bytes, ...]]:
    """What is not compiled from texts: in parts for the hasty, else only what is one scanner."""
    if hasty:
        return pack.parts or pack.compiled
    return {route: each for route, each in pack.compiled.items() if len(each) == 1}


def warm_up() -> None:
    """Let the engine learn now how many processors there are, which its regular expressions ask the kernel once."""
    compile_sources({"warm": 'rule warm { condition: "a" matches /^(a|b)c?$/ }'})


def compile_sources(sources: dict[str, str], externals: tuple[str, ...] = ()) -> Any:
    """Compile namespace → YARA text with the engine. Raises `boreal.Error` subclasses."""
    return boreal.compile(sources=sources, externals=dict.fromkeys(externals, ""), includes=False)
