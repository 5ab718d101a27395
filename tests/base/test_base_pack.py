"""The base pack: every rule is described, has a harmless fixture that it matches, and leaves look-alikes alone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from scripts.base_pack_table import DOCUMENT, updated

from overt.core.model import Finding, Severity, Verdict
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.engine.pack import Pack
from overt.rules.active import base_texts
from overt.rules.compile import RuleText, build
from tests.base.documents import EICAR
from tests.base.fixtures import FIXTURES
from tests.base.look_alikes import LOOK_ALIKES
from tests.base.variants import VARIANTS

ROOT = Path(__file__).parents[2]
TEST_FILES = Path("/usr/share/clamav-testfiles")
CARRIERS = ("aspack", "fsg", "mew", "pespin", "petite", "upack", "upx", "wwpack", "yc")
"""Packed programs of Debian's clamav-testfiles in which the test program cannot be read."""


@cache
def pack() -> Pack:
    built = build(base_texts(), ("base",))
    assert built.problems == ()
    return built.pack


@cache
def matcher() -> Matcher:
    return Matcher(pack())


def found(data: bytes) -> dict[str, Finding]:
    return {finding.rule: finding for finding in matcher().match(data)}


def test_there_are_enough_rules_and_none_is_there_twice() -> None:
    names = [record.name for record in pack().records.values()]
    assert len(names) == len(set(names)) >= 200


def test_every_rule_has_a_fixture_and_every_fixture_a_rule() -> None:
    assert {record.name for record in pack().records.values()} == FIXTURES.keys()


@pytest.mark.parametrize("rule", sorted(FIXTURES))
def test_rule_matches_its_fixture(rule: str) -> None:
    findings = found(FIXTURES[rule])
    assert rule in findings
    record = next(record for record in pack().records.values() if record.name == rule)
    assert findings[rule].severity is record.severity
    assert findings[rule].author == "Overt project"
    assert findings[rule].licence == "Apache-2.0"
    assert findings[rule].description
    assert findings[rule].reference.startswith("https://")


@pytest.mark.parametrize(
    ("rule", "data"), VARIANTS, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(VARIANTS)]
)
def test_rule_matches_other_spellings(rule: str, data: bytes) -> None:
    assert rule in found(data)


def test_fixtures_are_not_claimed_by_rules_of_other_families() -> None:
    """A fixture may show one or two other things truthfully; more would mean that rules are too broad."""
    crowded = {rule: sorted(found(data)) for rule, data in FIXTURES.items() if len(found(data)) > 4}
    assert not crowded


@pytest.mark.parametrize("text", base_texts(), ids=lambda text: text.source)
def test_every_rule_says_who_what_and_how_bad(text: RuleText) -> None:
    bodies = re.split(r"(?m)^rule ", text.text)[1:]
    assert bodies
    for body in bodies:
        meta = dict(
            re.findall(r'^\s+(author|description|reference|severity|licence) = "([^"]+)"$', body, re.M)
        )
        assert meta.keys() == {"author", "description", "reference", "severity", "licence"}, body[:60]
        assert meta["severity"] in {severity.value for severity in Severity}
        assert meta["licence"] == "Apache-2.0"


@pytest.mark.parametrize("text", base_texts(), ids=lambda text: text.source)
def test_every_repetition_has_a_bound(text: RuleText) -> None:
    """A pattern without one can be made slow by whoever writes the file."""
    for pattern in re.findall(r"(?m)^        \$\w+ = /(.*)/[a-z ]*$", text.text):
        plain = re.sub(r"\[(?:\\.|[^\]\\])*\]", "", re.sub(r"\\[^x]", "", pattern))
        assert not re.search(r"[*+]|\{\d+,\}", plain), pattern


def test_documentation_lists_the_rules_as_they_are() -> None:
    document = DOCUMENT.read_text("utf-8")
    assert updated(document) == document, "run: python scripts/base_pack_table.py"


@pytest.mark.parametrize("name", sorted(LOOK_ALIKES))
def test_look_alike_is_clean(name: str) -> None:
    assert not [
        rule for rule, finding in found(LOOK_ALIKES[name]).items() if finding.severity is not Severity.NOTE
    ]


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "scripts"])
def test_nothing_in_the_repository_triggers_a_rule(folder: str) -> None:
    examiner = Examiner(matcher(), HashSets())
    hits = {
        str(path.relative_to(ROOT)): sorted({finding.rule for finding in examination.findings})
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix not in {".pyc", ".png"}
        if (examination := examiner.examine(path.read_bytes())).findings
    }
    assert not hits


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (EICAR, Verdict.INFECTED),
        (EICAR + b"\n", Verdict.INFECTED),
        (EICAR + b" \t\r\n\x1a" * 12, Verdict.INFECTED),
        (EICAR + b" " * 61, Verdict.CLEAN),
        (EICAR + b"x", Verdict.CLEAN),
        (b" " + EICAR, Verdict.CLEAN),
        (EICAR[:-1], Verdict.CLEAN),
    ],
)
def test_eicar_follows_its_definition(data: bytes, verdict: Verdict) -> None:
    """68 bytes at the start, then only space, tab, CR, LF or Ctrl-Z, 128 bytes at most (eicar.org)."""
    assert Examiner(matcher(), HashSets()).examine(data).verdict is verdict


@pytest.mark.parametrize("packer", CARRIERS)
def test_packed_test_programs_of_clamav_are_found(packer: str) -> None:
    path = TEST_FILES / f"clam-{packer}.exe"
    if not path.exists():
        pytest.skip("Debian's clamav-testfiles is not installed")
    assert any(finding.severity is not Severity.NOTE for finding in found(path.read_bytes()).values())
