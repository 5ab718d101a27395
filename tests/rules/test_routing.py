"""Routing never loses a match: what the routed scanners find is what one scanner of all rules finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from overt.engine.matcher import ENGINE, Matcher
from overt.engine.pack import COMMON, Pack
from overt.engine.route import ROUTES, route_of
from overt.rules.check import EXTERNALS
from overt.rules.compile import RuleText, build
from overt.rules.routing import ALL_ROUTES, routes_of
from overt.rules.yara_source import split
from tests.rules.conditions import CONDITIONS, PREFIXES, source
from tests.rules.executables import elf, pe

BODIES = (b"", b"payload", b"\0" * 64, b"Z payload MZ \x7fELF", pe()[2:], elf()[4:], elf()[2:])
WHOLE = (pe(), elf(), pe(machine=0x14C))


def unrouted(routed: Pack, texts: dict[str, str]) -> Matcher:
    """All rules in one scanner, as written."""
    return Matcher(Pack(ENGINE, (), routed.records, {COMMON: texts}, externals=EXTERNALS))


def found(matcher: Matcher, data: bytes) -> set[str]:
    return {f"{finding.pack}:{finding.rule}" for finding in matcher.match(data, "x.bin")}


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(
    CONDITIONS,
    CONDITIONS,
    st.one_of(st.just(""), st.sampled_from(("uint16(0) == 0x5A4D", "filesize > 4", "pe.is_pe"))),
)
def test_routed_finds_what_unrouted_finds(condition: str, earlier: str, limit: str) -> None:
    text = source(condition, earlier if "earl" not in earlier else "true", limit)
    built = build([RuleText("p", "s", text)])
    assume(not built.problems)
    routed, plain = Matcher(built.pack), unrouted(built.pack, {"p/s": text})
    for data in (*WHOLE, *(prefix + body for prefix in PREFIXES for body in BODIES)):
        assert found(routed, data) == found(plain, data), (data[:8], built.pack.records["p/s:tested"].routes)


@pytest.mark.parametrize(
    ("condition", "routes"),
    [
        ("uint16(0) == 0x5A4D", {"pe"}),
        ("0x5A4D == uint16(0) and $a", {"pe"}),
        ("uint16be(0) == 0x4D5A or uint32(0) == 0x464c457f", {"pe", "elf"}),
        ("uint32be(0) == 0x7F454C46 and filesize < 1MB", {"elf"}),
        ("not uint16(0) == 0x5A4D", {"elf", "other"}),
        ("uint16(0) != 0x5A4D", {"elf", "other"}),
        ("$a at 0", {"pe"}),
        ("$b at 0", {"pe", "other"}),
        ("pe.number_of_sections > 2", {"pe"}),
        ("pe.is_dll() or elf.type == elf.ET_DYN", {"pe", "elf"}),
        ("pe.machine == pe.MACHINE_AMD64", {"pe"}),
        ("for any s in pe.sections : (s.name == \"x\")", {"pe"}),
        ("uint32(0) == 0x04034b50", {"other"}),
        ("filesize > 3", set(ALL_ROUTES)),
        ("earlier", {"pe"}),
        ("not earlier", set(ALL_ROUTES)),
    ],
)  # fmt: skip
def test_routes_of_known_conditions(condition: str, routes: set[str]) -> None:
    rules = split("s", source(condition, "uint16(0) == 0x5A4D")).rules
    assert set(routes_of(rules)["tested"]) == routes


def test_a_global_rule_confines_its_whole_source() -> None:
    rules = split("s", source("filesize > 3", limit="uint16(0) == 0x5A4D")).rules
    assert routes_of(rules)["tested"] == ("pe",)


def test_a_condition_that_cannot_be_read_is_looked_for_everywhere() -> None:
    rules = split("s", "rule odd { condition: some new syntax }").rules
    assert routes_of(rules)["odd"] == ALL_ROUTES


def test_every_prefix_leads_to_its_route() -> None:
    assert all(route_of(prefix + b"rest") == route.name for route in ROUTES for prefix in route.prefixes)
    assert route_of(b"") == route_of(b"M") == "other"


def test_a_generated_rule_set_over_real_files() -> None:
    """A rule set of the shape of large public ones: half of it for PE files, some for ELF and documents, the rest
    for anything; its strings are taken from the files, so that many rules match."""
    chance = random.Random(7)
    files = [path.read_bytes()[:60_000] for path in _real_files(90)]
    contents = (
        files + [b"MZ" + data[2:] for data in files[:40]] + [b"\x7fELF" + data[4:] for data in files[:20]]
    )
    text = 'import "pe" import "elf"\n' + "\n".join(_rule(number, chance, files) for number in range(600))
    built = build([RuleText("p", "s", text)])
    assert not built.problems
    assert len({record.routes for record in built.pack.records.values()}) > 3
    routed, plain = Matcher(built.pack), unrouted(built.pack, {"p/s": text})
    hits = [(found(routed, data), found(plain, data)) for data in contents]
    assert all(ours == theirs for ours, theirs in hits)
    assert sum(len(theirs) for _, theirs in hits) > 200


def _real_files(count: int) -> list[Path]:
    places = [Path("/usr/bin"), Path("/usr/lib"), Path("/usr/share")]
    return [path for place in places for path in islice(_regular(place), count // len(places))]


def _regular(place: Path) -> Iterator[Path]:
    paths = (path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    return (path for path in paths if path.stat().st_size > 100)


HEADERS = (
    *("uint16(0) == 0x5A4D and ",) * 5,
    "uint32(0) == 0x464c457f and ",
    "uint32be(0) == 0x7F454C46 and ",
    "(uint16(0) == 0x5a4d or uint32(0) == 0x464c457f) and ",
    *("",) * 3,
    "not uint16(0) == 0x5A4D and ",
    "uint16(0) != 0x5A4D and ",
    "pe.number_of_sections >= 0 and ",
    "elf.machine == 62 and ",
    "uint32(0) == 0x04034b50 and ",
    "filesize < 500KB and ",
)
COUNTS = ("any of them", "2 of them", "($a or $c) and not $b", "all of them")


def _rule(number: int, chance: random.Random, files: list[bytes]) -> str:
    strings = []
    for name in "abc":
        piece = b""
        while len(set(piece)) < 5:
            data = chance.choice(files)
            at = chance.randrange(max(len(data) - 12, 1))
            piece = data[at : at + chance.randint(6, 12)]
        strings.append(f"${name} = {{ {piece.hex(' ')} }}")
    condition = chance.choice(HEADERS) + chance.choice(COUNTS)
    return f"rule r{number} {{ strings: {' '.join(strings)} condition: {condition} }}"
