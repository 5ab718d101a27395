"""What `overt rules review` does and says; loaded only when asked for."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

from overt.cli.overwrite import empty, identities, open_whole
from overt.cli.voice import Exit, note, say, styled, visible
from overt.rules import gather
from overt.rules.compile import RuleText
from overt.rules.intake import Intake
from overt.rules.review import Level, Review, RuleReview
from overt.rules.review.hashes import review_hashes
from overt.scan import reviewing

COLOURS = {Level.REFUSE: "red", Level.EXPLAIN: "yellow", Level.PASS: "green"}
NAME = "reviewed"
"""Stands for the rule set's name until it is published under one."""


def review(args: argparse.Namespace) -> int:
    """Review and report. Returns `ERROR` when a rule is refused or could not be read, else `OK`."""
    out = None
    if args.json and args.json != "-":
        fd = open_whole(args.json, "--json", identities([("something to read", name) for name in args.paths]))
        empty(fd)
        out = open(fd, "w", encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        intake = Intake(Path(scratch))
        gather.collect(args.paths, intake)
        result = _reviewed(intake, args)
    for problem in intake.problems:
        note(visible(str(problem)))
    text = json.dumps(result.to_json(), ensure_ascii=False, indent=1, sort_keys=True)
    if out is not None:
        with out:
            out.write(text + "\n")
    elif args.json:
        say(text)
    if args.json != "-":
        _say(result, args.all)
    return Exit.ERROR if result.level is Level.REFUSE or intake.problems else Exit.OK


def _reviewed(intake: Intake, args: argparse.Namespace) -> Review:
    texts = [RuleText(NAME, source, text) for source, text in intake.texts.items()]
    found = Review(())
    if texts:
        answer = reviewing.run(texts, not args.static, not args.unconfined)
        found = answer.review
        intake.problems.extend(answer.problems)
    if hashes := intake.carried["hashes"]:
        return Review((*found.rules, review_hashes(NAME, ", ".join(map(str, args.paths)), hashes)))
    return found


def _say(result: Review, everything: bool) -> None:
    """The worst first; of each rule its level, its place, and one line per ground."""
    for rule in sorted(result.rules, key=lambda rule: -rule.level.rank):
        if everything or rule.level is not Level.PASS:
            _say_rule(rule)
    counts = Counter(rule.level for rule in result.rules)
    parts = [f"{counts[level]:,} {level.value}" for level in Level]
    say(f"{len(result.rules):,} reviewed: {', '.join(parts)}")
    if counts[Level.REFUSE]:
        note("a refused rule is published only by an override with a written reason, which every user sees")
    elif counts[Level.EXPLAIN]:
        note("a rule marked explain needs a written explanation when it is published")


def _say_rule(rule: RuleReview) -> None:
    level = styled(f"{rule.level.value:<8}", COLOURS[rule.level])
    say(f"{level}{visible(rule.rule)} ({visible(rule.source)}:{rule.line}, {rule.score} points)")
    for ground in rule.grounds:
        evidence = f": {ground.evidence}" if ground.evidence else ""
        say(visible(f"  {ground.weight:>+4} {ground.kind.value}, {ground.where}: {ground.text}{evidence}"))
