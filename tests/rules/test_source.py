"""YARA sources: split into rules with their lines, and broken rules that cost nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from overt.core.model import Severity
from overt.engine.matcher import Matcher
from overt.rules.compile import RuleText, build
from overt.rules.metadata import record
from overt.rules.yara_source import split

TRICKY = r"""
/* rule commented { condition: true } */
import "pe" // import "elf"
private global rule first : tag_a tag_b
{
    meta:
        author = "A \"quoted\" name"
        score = 75
        minus = -3
        on = true
    strings:
        $hex = { 4D 5A [2-4] ( 90 | 91 ) /* } */ ?? // }
        }
        $re = /a\/{2}[}"\]]/i
        $text = "rule inside { condition: }" wide ascii xor(0x01-0xff)
        $ = "anonymous"
    condition:
        any of them or filesize*2 > 3 and #text*2 == 4 and !hex[1] != 2
}
rule second { condition: pe.number_of_sections == 1 }"""


def test_comments_strings_and_braces_do_not_confuse_it() -> None:
    source = split("tricky.yar", TRICKY)
    assert not source.problems
    assert source.imports == ("pe",)
    first, second = source.rules
    assert (first.name, first.line, first.is_global, first.is_private) == ("first", 4, True, True)
    assert first.tags == ("tag_a", "tag_b")
    assert dict(first.meta) == {"author": 'A "quoted" name', "score": "75", "minus": "-3", "on": "true"}
    assert [pattern.identifier for pattern in first.patterns] == ["$hex", "$re", "$text", "$"]
    assert first.patterns[2].modifiers[:2] == ("wide", "ascii")
    assert (second.line, second.text) == (20, "rule second { condition: pe.number_of_sections == 1 }")


BROKEN = """rule fine { condition: true }
include "other.yar"
rule unknown {
  strings:
    $a = "x"
  condition: $b
}
rule needs_unknown { condition: unknown }
rule lexical { strings: $a = { 4D 5A condition: $a }
rule regex { strings: $a = /(/ condition: $a }
rule twice { condition: false }
rule twice { condition: true }
rule missing { strings: $a = "x" }
rule after { condition: fine }
rule open { condition: true
"""


def test_broken_rules_name_their_file_and_line_and_cost_only_themselves() -> None:
    built = build(
        [RuleText("p", "broken.yar", BROKEN), RuleText("p", "whole.yar", "rule whole { condition: true }")]
    )
    where = {(problem.rule, problem.line) for problem in built.problems}
    assert {
        ("", 2),
        ("unknown", 6),
        ("needs_unknown", 8),
        ("regex", 10),
        ("twice", 12),
        ("missing", 13),
    } <= where
    assert any(rule == "lexical" for rule, _ in where)
    assert all(str(problem).startswith("broken.yar:") for problem in built.problems)
    matched = {finding.rule for finding in Matcher(built.pack).match(b"x")}
    assert {"fine", "after", "whole"} <= matched


def test_metadata_is_read_in_the_words_of_several_rule_sets() -> None:
    text = """rule r : tag { meta: Author = "me" author = "you" desc = "what" reference = "a" url = "b"
      license = "MIT" severity = "Low" score = 95 condition: true }"""
    known = record(split("s", text).rules[0], "p", "s", "pack author", "pack licence")
    assert (known.author, known.description, known.reference) == ("me, you", "what", "a, b")
    assert (known.licence, known.severity, known.tags) == ("MIT", Severity.LOW, ("tag",))


def test_what_a_rule_leaves_out_comes_from_its_pack_and_no_grade_is_high() -> None:
    known = record(split("s", "rule r { condition: true }").rules[0], "p", "s", "pack author", "pack licence")
    assert (known.author, known.licence, known.severity) == ("pack author", "pack licence", Severity.HIGH)


def test_scores_become_severities() -> None:
    def graded(score: int) -> Severity:
        return record(
            split("s", f"rule r {{ meta: score = {score} condition: true }}").rules[0], "p", "s"
        ).severity

    assert [graded(score) for score in (0, 40, 60, 75, 90)] == list(Severity)


def test_private_rules_are_not_reported_but_what_needs_them_is() -> None:
    text = """private rule hidden { strings: $a = "payload" condition: $a at 2 }
    rule seen { condition: uint16(0) == 0x5A4D and hidden }"""
    findings = Matcher(build([RuleText("p", "s", text)]).pack).match(b"MZpayload")
    assert [finding.rule for finding in findings] == ["seen"]


def test_externals_have_their_values() -> None:
    text = """rule r { condition: filename == "A.Exe" and extension == ".exe" and filepath == "/d/A.Exe" }
    rule t { condition: filetype == "ELF" and owner == "" }"""
    matcher = Matcher(build([RuleText("p", "s", text)]).pack)
    assert [finding.rule for finding in matcher.match(b"x", "/d/A.Exe")] == ["r"]
    assert [finding.rule for finding in matcher.match(b"\x7fELF")] == ["t"]


def test_findings_say_where() -> None:
    text = 'rule r { strings: $a = "needle" $b = { 00 01 } condition: any of them }'
    (finding,) = Matcher(build([RuleText("p", "s", text)]).pack).match(b"..needle..needle")
    assert [(match.pattern, match.offset, match.data) for match in finding.matches] == [
        ("$a", 2, b"needle"),
        ("$a", 10, b"needle"),
    ]


@given(st.text(alphabet='rule{}:"/\\ \n$a=condits()*0x4D', max_size=80))
def test_no_text_makes_it_fail(text: str) -> None:
    source = split("any", text)
    assert source.rules or source.problems or not text.strip() or "*" in text or "/" in text
