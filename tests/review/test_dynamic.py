"""Rules run over innocent documents, marked and unmarked."""

from __future__ import annotations

import hashlib

import pytest

from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.rules.active import base_texts
from overt.rules.compile import RuleText, build
from overt.rules.review import Kind, Level, review
from overt.rules.review.corpus import documents
from overt.rules.review.corpus.texts import LANGUAGES
from overt.rules.review.corpus.writers import WRITERS
from overt.rules.review.dynamic import check, merged
from tests.review import sets


def reaction(body: str) -> set[Kind]:
    """What the dynamic check says of one rule."""
    found = check([RuleText("t", "t.yar", f"rule r {{ {body} }}")])
    return {ground.kind for grounds in found.values() for ground in grounds}


def test_the_corpus_is_the_same_each_time() -> None:
    def digest() -> str:
        whole = hashlib.sha256()
        for document in documents():
            whole.update(document.name.encode() + document.data)
        return whole.hexdigest()

    assert digest() == digest()


def test_every_document_has_a_twin_without_marking() -> None:
    plain = {(document.language, document.form) for document in documents() if not document.marking}
    marked = {(document.language, document.form) for document in documents() if document.marking}
    assert marked <= plain
    assert {form for _, form in marked} == set(WRITERS)
    assert {language for language, _ in marked} == {language.code for language in LANGUAGES}


def test_every_document_is_read_whole() -> None:
    pack = build(
        [RuleText("t", "t", 'rule never { strings: $a = "no document says this" condition: $a }')]
    ).pack
    examiner = Examiner(Matcher(pack), HashSets())
    gaps = {
        document.form: gap
        for document in documents()
        for gap in examiner.examine(document.data, document.name).gaps
    }
    assert gaps == {}


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_the_marking_can_be_found_in_every_format(form: str) -> None:
    rule = 'rule r { strings: $a = "NATO SECRET" ascii wide condition: $a }'
    found = check(
        [RuleText("t", "t", rule)], lambda: (document for document in documents() if document.form == form)
    )
    assert [ground.kind for grounds in found.values() for ground in grounds] == [Kind.MARKING_REACTION]


def test_a_rule_that_reacts_to_the_marking_only_is_refused() -> None:
    assert reaction('strings: $a = "NATO SECRET" condition: $a') == {Kind.MARKING_REACTION}
    text = RuleText("t", "t", "rule r { condition: uint16be(0) == 0x4e41 and uint8(2) - 2 == 0x52 }")
    one = merged(review(text), check([text]))[0]
    assert one.level is Level.REFUSE


def test_a_rule_that_matches_any_innocent_document_is_flagged() -> None:
    assert reaction('strings: $a = "Anna Eriksson" condition: $a') == {Kind.INNOCENT_MATCH}
    assert reaction('strings: $a = "Lefèvre" condition: $a') == {Kind.INNOCENT_MATCH}


def test_rules_of_one_name_in_two_sources_are_told_apart() -> None:
    good = RuleText("t", "good.yar", 'rule r { strings: $a = "no document says this" condition: $a }')
    bad = RuleText("t", "bad.yar", 'rule r { strings: $a = "NATO SECRET" condition: $a }')
    assert list(check([good, bad])) == [("t", "bad.yar", "r")]


def test_the_base_pack_leaves_innocent_documents_alone() -> None:
    assert check(base_texts()) == {}


def test_honest_rules_leave_innocent_documents_alone() -> None:
    assert check([*sets.folder("honest"), *sets.generated()]) == {}
