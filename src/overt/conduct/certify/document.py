"""The requirements as Markdown, for docs/conduct-scheme.md: a test holds the page to this text."""

from __future__ import annotations

from collections.abc import Iterator

from overt.conduct.certify.requirements import DEPTHS, LEVELS, REQUIREMENTS, Level, Requirement
from overt.conduct.judge import QUESTIONS

BEGIN = "<!-- made from src/overt/conduct/certify/requirements.py by 'make conduct-scheme' -->"
END = "<!-- end of what is made -->"

_ASKED = {question.name: question.asked for question in QUESTIONS}


def made() -> str:
    """Levels, overview and requirements, between the markers."""
    return "\n".join((BEGIN, *_levels(), *_overview(), *_requirements(), END)) + "\n"


def _levels() -> Iterator[str]:
    yield "\n## Levels\n"
    yield "| level | what it vouches for | requirements | runs, at least | pairs | planted | exercised |"
    yield "|---|---|---|---|---|---|---|"
    for level, words in LEVELS.items():
        own = [one.name for one in REQUIREMENTS if one.level is level]
        depth = DEPTHS[level]
        arms, steps = ", ".join(sorted(depth.arms)), ", ".join(" or ".join(kinds) for kinds in depth.steps)
        yield (
            f"| {level.value} {level.name.lower()} | {words} | {own[0]} to {own[-1]}{_below(level)} | {depth.runs} "
            f"| {depth.pairs} | {arms} | {steps} |"
        )


def _below(level: Level) -> str:
    return f", and all of level {level.value - 1}" if level > Level.DISCREET else ""


def _overview() -> Iterator[str]:
    yield "\n## Overview\n"
    yield "| requirement | level | tested by the question | Cyber Resilience Act | Common Criteria |"
    yield "|---|---|---|---|---|"
    for one in REQUIREMENTS:
        yield (
            f"| [{one.name} {one.title}](#{_anchor(one)}) | {one.level.value} | `{one.question}` "
            f"| {'; '.join(one.cra)} | {', '.join(one.common_criteria)} |"
        )


def _requirements() -> Iterator[str]:
    yield "\n## Requirements"
    for one in REQUIREMENTS:
        neutral = "passes" if one.declared_passes else "shows nothing"
        yield f"\n### {one.name} {one.title}\n"
        yield f"*{one.demand}*\n"
        yield f"* Why: {one.why}"
        yield f"* Test: the question `{one.question}`: {_ASKED[one.question]}"
        yield f"* Passes: {one.passes} An answer that is neither good nor bad {neutral}."
        yield f"* Can't show: {one.cannot_show}"
        yield f"* Cyber Resilience Act: {'; '.join(one.cra)}. Common Criteria: {', '.join(one.common_criteria)}."


def _anchor(one: Requirement) -> str:
    """As GitHub and most renderers make it of a heading."""
    words = f"{one.name} {one.title}".lower()
    return "".join(char for char in words if char.isalnum() or char in " -").replace(" ", "-")


def placed(page: str) -> str:
    """`page` with what is between its markers made anew. Raises `ValueError` for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page lacks the markers between which the requirements belong")
    return before + made().rstrip("\n") + after
