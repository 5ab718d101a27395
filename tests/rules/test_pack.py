"""Packs: stored compiled where the engine can read that back, loaded whole or route by route, refused when damaged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from overt.core.errors import PackError
from overt.engine.matcher import Matcher
from overt.engine.pack import COMMON, dump, load, rule_texts
from overt.rules.active import load_active
from overt.rules.compile import RuleText, build
from overt.rules.cost import each, whole
from overt.rules.yara_source import split


def numbered(count: int) -> str:
    return "\n".join(f'rule r{n} {{ strings: $a = "marker {n};" condition: $a }}' for n in range(count))


@pytest.mark.parametrize(("count", "whole", "parts"), [(100, 3, 0), (1_500, 0, 2)])
def test_a_pack_comes_back_as_it_was(count: int, whole: int, parts: int) -> None:
    pack = build([RuleText("p", "s", numbered(count))], ("p 1",)).pack
    assert (len(pack.compiled), len(pack.parts.get(COMMON, ()))) == (whole, parts)
    again = load(dump(pack))
    assert again == pack
    assert rule_texts(again)["p/s:r7"].startswith("rule r7 {")
    for hasty in (False, True):
        matcher = Matcher(again, hasty=hasty)
        assert matcher.rules == count
        assert [finding.rule for finding in matcher.match(b"..marker 7;..")] == ["r7"]
        assert [finding.rule for finding in matcher.match(b"MZmarker 99;")] == ["r99"]


REFERRING = """
global private rule small { condition: filesize < 100 }
private rule begins { strings: $a = "begin" condition: $a }
rule first { condition: begins }
%s
rule last { strings: $a = "end" condition: $a and begins and first }
"""


@pytest.mark.parametrize("hasty", [False, True])
def test_rules_in_different_parts_find_those_that_they_need(hasty: bool) -> None:
    pack = build([RuleText("p", "s", REFERRING % numbered(2_000)), RuleText("p", "t", numbered(1_000))]).pack
    assert {route: len(parts) for route, parts in pack.parts.items()} == {
        COMMON: 5,
        "pe": 0,
        "elf": 0,
        "other": 0,
    }
    matcher = Matcher(pack, hasty)
    found = sorted(finding.rule for finding in matcher.match(b"begin marker 1999; end"))
    assert found == ["first", "last", "r1999"]
    assert [finding.rule for finding in matcher.match(b"marker 999; begin" + bytes(100))] == ["r999"]  # of t


ROUTED = """
rule helper { condition: uint16(0) == 0x5A4D and filesize < 9 }
rule anywhere { condition: helper or filesize == 1 }
rule windows { condition: uint16(0) == 0x5A4D }
rule others { condition: uint16(0) != 0x5A4D and uint16(0) != 0x457F }
"""


def test_rules_of_all_routes_are_stored_once() -> None:
    """In parts, a rule is with those of its route, or with those of all; either finds what it needs there."""
    pack = build([RuleText("p", "s", ROUTED), RuleText("p", "t", numbered(1_000))]).pack
    assert {route: len(parts) for route, parts in pack.parts.items()} == {
        COMMON: 3,
        "pe": 1,
        "elf": 0,
        "other": 1,
    }
    for data, names in (
        (b"MZ marker 7;", ["r7", "windows"]),
        (b"MZ", ["anywhere", "helper", "windows"]),
        (b"\x7fE", []),
        (b"x", ["anywhere"]),
        (b"plain", ["others"]),
    ):
        for hasty in (False, True):
            assert sorted(finding.rule for finding in Matcher(pack, hasty).match(data)) == names


def test_packs_of_format_2_are_loaded_as_they_were() -> None:
    """Their routes are stored in several parts each."""
    pack = build([RuleText("p", "s", numbered(1_500))]).pack
    old = msgspec.structs.replace(pack, compiled=dict.fromkeys(pack.routes, pack.parts[COMMON]), parts={})
    for hasty in (False, True):
        assert [finding.rule for finding in Matcher(old, hasty).match(b"marker 1234;")] == ["r1234"]


@pytest.mark.parametrize("damage", [b"", b"OVERTPK1", b"x" * 100])
def test_what_is_no_pack_is_refused(damage: bytes) -> None:
    with pytest.raises(PackError, match=r"some\.pack"):
        load(damage, "some.pack")


def test_a_changed_byte_is_refused() -> None:
    data = bytearray(dump(build([RuleText("p", "s", numbered(3))]).pack))
    data[-1] ^= 1
    with pytest.raises(PackError):
        load(bytes(data))


def test_the_active_pack_is_built_once_and_heard_of(overt_home: Path) -> None:
    heard: list[str] = []
    first = load_active(lambda step, done, total: heard.append(step))
    assert {"checking rules", "routing rules", "compiling rules"} <= set(heard)
    heard.clear()
    assert load_active(lambda step, done, total: heard.append(step)) == first
    assert not heard
    assert (overt_home / "data" / "active.pack").stat().st_mode & 0o777 == 0o600


def test_costs_are_measured_per_rule() -> None:
    text = """rule cheap { condition: filesize == 1 }
    rule dear { strings: $a = /a+b+[a-z]+z{3}/ condition: $a and cheap or #a > 0 }"""
    files = [b"aabbzz" * 2_000, b"x"]
    costs = {cost.rule: cost for cost in each([split("s", text)], files)}
    assert costs["cheap"].hits == 1 and costs["dear"].line == 2
    assert costs["dear"].seconds > costs["cheap"].seconds
    assert whole([split("s", text)], files) > 0
