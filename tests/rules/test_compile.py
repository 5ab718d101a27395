"""What is compiled before a pack is used: each rule as written, and all of them as they will be loaded."""

from __future__ import annotations

from typing import Any

import boreal
import msgspec
import pytest

from overt.core.errors import PackError
from overt.engine import matcher
from overt.engine.matcher import Matcher
from overt.rules import compile as compiling
from overt.rules.ahead import PART_RULES
from overt.rules.compile import RuleText, build, merged, prove, share, unproven
from overt.rules.yara_source import split

AS_WRITTEN = {
    "metadata": "rule bad { meta: a = 99999999999999999999 condition: true }",
    "no entry": "rule bad { meta: a b = 1 condition: true }",
    "tag twice": "rule bad : one one { condition: true }",
    "order": 'rule bad { strings: $a = "x" meta: b = 1 condition: $a }',
    "section twice": 'rule bad { strings: $a = "x" strings: $b = "y" condition: $a and $b }',
    "stray word": 'rule bad { strings: stray $a = "x" condition: $a }',
    "no string": "rule bad { strings: condition: true }",
    "unknown": "rule bad { condition: $nothing }",
    "odd space": "rule bad { condition:\u00a0true }",
    "modifier": 'rule bad { strings: $a = "x" xor nocase condition: $a }',
}
"""Rules that the engine rejects as they are written, most of them only for what matching does not need."""


@pytest.mark.parametrize("bad", AS_WRITTEN.values(), ids=AS_WRITTEN)
def test_a_rule_that_the_engine_rejects_as_written_is_left_out(bad: str) -> None:
    text = f"rule before {{ condition: true }}\n{bad}\nrule after {{ condition: true }}"
    built = build([RuleText("p", "s.yar", text), RuleText("p", "t.yar", "rule other { condition: true }")])
    assert [(problem.rule, problem.line) for problem in built.problems] == [("bad", 2)]
    assert {finding.rule for finding in Matcher(built.pack).match(b"x")} == {"before", "after", "other"}


KEPT = r"""rule kept // a comment
{ meta: u = "https://example.org/*" /* another */
  strings:
    $a = "x//y/*z*/" // after "quotes
    $b = /https?:\/\/[a-z"]+\/*/ /* $c = "no" */
    $h = { 41 // }
           42 /* } */ }
  condition: // or true
    $a and $b /* or true */ and $h }"""


def test_comments_go_and_what_looks_like_them_stays() -> None:
    (rule,) = split("s", KEPT).rules
    assert rule.text == KEPT
    assert "no" not in rule.body and "or true" not in rule.body
    found = Matcher(build([RuleText("p", "s", KEPT)]).pack)
    assert not found.match(b"x//y/*z*/ AB")
    assert found.match(b'x//y/*z*/ https://abc"/// AB')


def test_shares_make_the_pack_that_one_process_makes() -> None:
    texts = [
        RuleText(
            "p", "a", 'rule a { meta: author = "A" condition: uint16(0) == 0x5A4D }\nrule nothing { x }'
        ),
        RuleText("p", "b", 'rule b { strings: $s = "needle" condition: $s }'),
        RuleText("q", "c", 'import "elf" rule c { condition: elf.type == elf.ET_EXEC }'),
    ]
    whole = build(texts, ("p", "q"))
    together = merged([share(texts[:1]), share(texts[1:])], ("p", "q"))
    assert together.problems == whole.problems != ()
    for name in ("engine", "names", "records", "routes", "externals", "texts"):
        assert getattr(together.pack, name) == getattr(whole.pack, name), name
    assert not together.pack.compiled
    assert {route: len(parts) for route, parts in together.pack.parts.items()} == {
        "common": 0,
        "pe": 2,
        "elf": 1,
        "other": 1,
    }
    for data in (b"MZ needle", b"\x7fELF needle", b"needle", b""):
        names = [
            sorted(finding.rule for finding in Matcher(pack, hasty=hasty).match(data))
            for pack in (whole.pack, together.pack)
            for hasty in (False, True)
        ]
        assert all(one == names[0] for one in names)


def test_a_share_without_its_compiled_part_leaves_the_route_to_be_compiled_from_texts() -> None:
    one, two = (share([RuleText("p", name, f"rule {name} {{ condition: true }}")]) for name in "ab")
    together = merged([one, msgspec.structs.replace(two, compiled={})], ("p",)).pack
    assert not together.compiled and not together.parts
    assert {finding.rule for finding in Matcher(together, hasty=True).match(b"x")} == {"a", "b"}


def test_what_was_compiled_in_one_part_is_proven_by_that() -> None:
    few = merged([share([RuleText("p", "s", "rule r { condition: true }")])], ()).pack
    assert not unproven(few)
    many = "\n".join(f"rule r{number} {{ condition: true }}" for number in range(PART_RULES + 1))
    pack = merged([share([RuleText("p", "s", many)])], ()).pack
    assert unproven(pack) == pack.routes
    prove(unproven(pack))


def test_rules_that_compile_apart_and_not_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that the engine might have: the pack would be installed, and no scan could load it."""

    def limited(sources: dict[str, str], externals: tuple[str, ...] = ()) -> Any:
        if sum(text.count("rule ") for text in sources.values()) > PART_RULES:
            raise boreal.Error("too many rules")
        return matcher.compile_sources(sources, externals)

    monkeypatch.setattr(compiling, "compile_sources", limited)
    half = "\n".join(f"rule r{number} {{ condition: true }}" for number in range(PART_RULES * 2 // 3))
    texts = [RuleText("p", name, half) for name in "ab"]
    shares = [share([text]) for text in texts]
    with pytest.raises(PackError, match="together: too many rules"):
        prove(unproven(merged(shares, ("p",)).pack))
    with pytest.raises(PackError, match="too many rules"):
        build(texts)
