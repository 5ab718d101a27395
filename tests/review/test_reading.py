"""What patterns and conditions are taken to say."""

from __future__ import annotations

import random
import time

import boreal
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overt.rules.active import base_texts
from overt.rules.compile import RuleText
from overt.rules.review import Kind, Level, review
from overt.rules.review.expression import parse
from overt.rules.review.lexicon import find
from overt.rules.review.octets import constant
from overt.rules.review.readings import readings
from overt.rules.yara_source import split
from tests.review import sets


def spelled(definition: str) -> set[str]:
    """The texts of a rule's one string, folded."""
    rule = split("t", f"rule r {{ strings: $a = {definition} condition: $a }}").rules[0]
    return {reading.text.lower() for reading in readings(rule.patterns[0])}


def judged(body: str, name: str = "r") -> tuple[Level, set[Kind]]:
    """The level and the kinds of grounds of a rule with this body."""
    one = review(RuleText("t", "t.yar", f'import "pe" import "hash" import "math" rule {name} {{ {body} }}'))[
        0
    ]
    return one.level, {ground.kind for ground in one.grounds}


@pytest.mark.parametrize(
    "definition",
    [
        '"secret" nocase',
        "{ 73 65 63 72 65 74 }",
        "{ 73 00 65 00 63 00 72 00 65 00 74 00 }",
        "{ ( 53 | 73 ) 65 63 ( 72 | 52 ) 65 74 }",
        "/[Ss][Ee]c(re)t/",
        r"/\x73\x65\x63\x72\x65\x74/i",
        "/s.?e.?c.?r.?e.?t/",
        '"c2VjcmV0IHBhcGVy"',
        '"7365637265742070"',
        r'"=73=65=63=72=65=74"',
        r'"&#115;&#101;&#99;&#114;&#101;&#116;"',
    ],
)
def test_the_same_word_is_read_in_every_disguise(definition: str) -> None:
    assert any(text.replace(" ", "").startswith("secret") for text in spelled(definition))


@pytest.mark.parametrize(
    ("text", "charset"), [("секретно", "cp1251"), ("机密文件", "gb18030"), ("극비문서", "euc-kr")]
)
def test_old_charsets_are_read(text: str, charset: str) -> None:
    assert text in spelled("{ " + text.encode(charset).hex(" ") + " }")


def test_a_key_is_undone_under_xor() -> None:
    hidden = "".join(f"\\x{byte ^ 0x5A:02x}" for byte in b"top secret")
    assert "top secret" in spelled(f'"{hidden}" xor')


NATO_SECRET = (
    "uint32be({0}) == 0x4e41544f and uint32be({0} + 4) == 0x20534543 and uint32be({0} + 8) == 0x52455420"
)


@pytest.mark.parametrize(
    "condition",
    [
        NATO_SECRET.format("0"),
        f"for any i in (0..filesize) : ( {NATO_SECRET.format('i')} )",
        f"for all i in (0..0) : ( {NATO_SECRET.format('i')} )",
        "uint8(0) | 0x20 == 0x6e and uint8(1) - 1 == 0x40 and ~uint8(2) & 0xff == 0xab and uint8(3) < 0x50 "
        "and uint8(3) > 0x4e and uint32be(4) == 0x20534543 and uint32be(8) == 0x52455420",
    ],
)
def test_arithmetic_over_bytes_is_solved(condition: str) -> None:
    level, kinds = judged(f"condition: {condition}")
    assert level is Level.REFUSE
    assert {Kind.MARKING, Kind.CONCEALED} <= kinds


@pytest.mark.parametrize(
    ("condition", "level"),
    [
        ("$x", Level.REFUSE),
        ("$x or $c", Level.REFUSE),
        ("1 of them", Level.REFUSE),
        ("#x > 0", Level.REFUSE),
        ("not not $x", Level.REFUSE),
        ("$x and (uint16(0) == 0x5a4d or true)", Level.REFUSE),
        ("$x and not pe.is_pe", Level.REFUSE),
        ("$c", Level.PASS),
        ("$c and #x == 0", Level.PASS),
        ("$c and not $x", Level.PASS),
    ],
)
def test_the_weakest_way_decides(condition: str, level: Level) -> None:
    strings = 'strings: $x = "NATO SECRET" $c = "kernel32.dll!CreateRemoteThread"'
    assert judged(f"{strings} condition: {condition}")[0] is level


def test_a_marking_is_never_passed_even_in_programs() -> None:
    body = 'strings: $x = "NATO SECRET" $c = "CreateRemoteThread(" condition: uint16(0) == 0x5a4d and all of them'
    assert judged(body)[0] is Level.EXPLAIN


def test_digests_of_files_are_to_be_explained_and_of_pieces_refused() -> None:
    assert judged('condition: hash.md5(0, filesize) == "00"') == (
        Level.EXPLAIN,
        {Kind.FILE_DIGEST, Kind.NO_CODE},
    )
    assert judged('condition: hash.md5(0, 9) == "00"')[0] is Level.REFUSE


def test_metadata_does_not_help() -> None:
    body = 'strings: $x = "medical record" condition: $x'
    level, kinds = judged(f'meta: description = "Emotet trojan" {body}')
    assert level is Level.REFUSE
    assert Kind.CONTRADICTION in kinds


def test_private_rules_are_judged_where_they_are_used() -> None:
    text = 'private rule p { strings: $x = "NATO SECRET" condition: $x } rule q { condition: p }'
    assert [one.level for one in review(RuleText("t", "t", text))] == [Level.PASS, Level.REFUSE]


def test_conditions_that_the_review_cannot_read_are_to_be_explained() -> None:
    nested = "(" * 80 + "$a" + ")" * 80
    level, kinds = judged(f'strings: $a = "CreateRemoteThread(" condition: {nested}')
    assert (level, Kind.UNREADABLE in kinds) == (Level.EXPLAIN, True)


def test_long_lists_of_alternatives_hide_nothing() -> None:
    decoys = " ".join(f'$d{at} = "CreateRemoteThread{at}("' for at in range(300))
    alternatives = " or ".join(f"($d{at} and $d{at + 1})" for at in range(299))
    assert (
        judged(f'strings: $x = "STRENG GEHEIM" {decoys} condition: {alternatives} or $x')[0] is Level.REFUSE
    )


def test_every_condition_of_the_base_pack_is_read() -> None:
    for text in base_texts():
        for rule in split(text.source, text.text).rules:
            parse(rule.condition)


def test_terms_are_whole_words() -> None:
    assert [term.text for term in find("SECRET//NOFORN")][:1] == ["secret noforn"]
    assert not [term for term in find("protected by copyright") if term.kind == "marking"]
    assert not find("brat")


def test_damaged_rules_never_stop_a_review() -> None:
    draw = random.Random(7)
    sources = [text.text for name in ("spying", "honest") for text in sets.folder(name)]
    for _ in range(150):
        source = draw.choice(sources)
        start = draw.randrange(len(source))
        piece = list(source[start : start + 600])
        for _ in range(draw.randrange(1, 8)):
            piece[draw.randrange(len(piece))] = draw.choice("{}()[]/\\\"'$#@!?*|&^~<>=.,:0x9aé机")
        review(RuleText("t", "t", "".join(piece)))


@pytest.mark.parametrize(
    "body",
    [
        "condition: "
        + " and ".join(f"for any {n} in (0..255) : ( uint8({n}) == {n} ^ 1 " for n in "abcd")
        + ")" * 4,
        "strings: $a = /" + "(" * 5 + "a{24}" + "){24}" * 5 + "/ condition: $a",
        "strings: $a = { " + "( 41 | " * 300 + "42" + " )" * 300 + " } condition: $a",
        "strings: $a = /(4|1|41)+x/ condition: $a",
        "strings: $a = /" + "(a|b)" * 60 + "/ condition: $a",
        "strings: "
        + " ".join(f'$a{at} = "x{at}y"' for at in range(200))
        + " condition: "
        + " and ".join(f"($a{at} or $a{at + 1} or $a{at + 2})" for at in range(198)),
    ],
)
def test_no_rule_keeps_the_review_busy(body: str) -> None:
    start = time.process_time()
    judged(body)
    assert time.process_time() - start < 10


TWISTS = (
    "2 of ($a, $a)",
    "2 of ($a*, $a)",
    "for 2 of ($a, $a*) : ($)",
    "$a and 1.5 > 1",
    "$a and 0.5 * 2 == 1.0",
    "$a and (1 == 2 or 0.1 > 0)",
    "$a and (0 - 7) \\ 2 == (0 - 3)",
    "$a and -7 % 2 == -1",
    "$a and (int8(0) == -1 or int8(0) == 120)",
    "for 1 of ($a*) : ($)",
    "for 50% of ($a*) : (# > 0)",
    "for 2 - 1 of ($a*) : ($)",
    "2 - 1 of ($a*)",
    "$a and 9223372036854775807 + 1 < 0",
    "$a and (1 << 63) * 2 == 0",
)
OTHER_ENGINES = (
    "any of ($a and filesize > 3, false)",
    "1 of (false, $a)",
    "any of (uint32be(0) == 0x78787878, false) and $a",
    "with x = 1 : ($a and x == 1)",
    "$a and (1" + " + 1" * 300 + ") == 301",
)
"""What YARA-X knows, and our engine does not yet."""


@pytest.mark.parametrize("condition", TWISTS)
def test_no_twist_of_the_condition_makes_a_marking_pass(condition: str) -> None:
    """Each matches a document with the marking, as the engine says."""
    body = f'strings: $a = "TOP SECRET" condition: {condition}'
    assert list(boreal.compile(source=f"rule r {{ {body} }}").match(data=b"xxxx TOP SECRET"))
    level, kinds = judged(body)
    assert level is Level.REFUSE and Kind.MARKING in kinds


@pytest.mark.parametrize("condition", OTHER_ENGINES)
def test_what_another_engine_knows_is_read_or_to_be_explained(condition: str) -> None:
    level, kinds = judged(f'strings: $a = "TOP SECRET" condition: {condition}')
    assert level is Level.REFUSE and Kind.MARKING in kinds


UNNEEDED = (
    "#code * 1 >= 0",
    "#code + 1",
    "~#code < 0",
    "#code & 0 == 0",
    "not #code * 3 > 9",
    "#a > #code",
    "math.max(#code, 1) > 0",
    "uint8(#code) >= 0",
    "filesize + 9223372036854775807 + 0 * #code < 0",
    "for any i in (0..#code) : (true)",
    "for any i in (1, #code) : (i > 0)",
)


@pytest.mark.parametrize("condition", UNNEEDED)
def test_code_that_need_not_be_there_excuses_nothing(condition: str) -> None:
    """Each holds, as the engine says, for a document without it."""
    body = f'strings: $a = "Petrov Ivan Sergeevich" $code = "MZ_loader_stub_0x41" condition: $a and ({condition})'
    rules = boreal.compile(source=f'import "math" rule r {{ {body} }}')
    assert list(rules.match(data=b"xxxx Petrov Ivan Sergeevich"))
    level, _ = judged(body)
    assert level is not Level.PASS


@pytest.mark.parametrize("condition", ["#code > 2", "#code + 0 == 3", "#code * 2 - 1 > #a", "#code + #a > 9"])
def test_code_that_must_be_there_counts(condition: str) -> None:
    body = f'strings: $a = "MZ_other_stub_0x42" $code = "MZ_loader_stub_0x41" condition: {condition}'
    assert judged(body)[0] is Level.PASS


def test_a_condition_that_seems_never_true_must_be_explained() -> None:
    level, kinds = judged('strings: $a = "MZ_loader_stub_0x41" condition: $a and 1 > 2')
    assert level is Level.EXPLAIN and Kind.UNREADABLE in kinds


_numbers = st.integers(-9, 300).map(lambda n: str(n) if n >= 0 else f"(0 - {-n})")
_sums = st.recursive(
    _numbers,
    lambda inner: st.builds(
        "({} {} {})".format,
        inner,
        st.sampled_from(("+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>")),
        inner,
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(_sums)
def test_arithmetic_is_the_engines(text: str) -> None:
    value = constant(parse(split("t", f"rule r {{ condition: {text} == 0 }}").rules[0].condition).args[0], {})
    written = f"(0 - {-value})" if value is not None and value < 0 else str(value)
    try:
        rules = boreal.compile(source=f"rule r {{ condition: {text} == {written} }}")
    except boreal.Error:  # out of range: the engine refuses the rule
        return
    assume(value is not None)
    assert list(rules.match(data=b"")), (text, value)
