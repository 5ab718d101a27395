"""Which rules the engine accepts: a rule that it rejects costs itself and those that need it only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import boreal

from overt.engine.matcher import compile_sources
from overt.rules.yara_source import Problem, Source, SourceRule
from overt.rules.yara_tokens import Kind

EXTERNALS = ("filename", "filepath", "extension", "filetype", "owner")
"""External variables that rules may use; their values are text."""

_PLACE = re.compile(r"^(?:mem|[^:\n]*):(\d+):\d+: (?:error: )?", re.MULTILINE)


def needed(rules: Sequence[SourceRule]) -> dict[str, tuple[str, ...]]:
    """For each rule, the rules of its source that its condition names (also as `prefix*`), in order."""
    names = [rule.name for rule in rules]
    known = set(names)
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        words = {token.text for token in rule.condition if token.kind is Kind.WORD}
        prefixes = tuple(word[:-1] for word in words if word.endswith("*"))
        direct = words & known
        if prefixes:
            direct |= {name for name in names if name.startswith(prefixes)}
        direct.discard(rule.name)
        found[rule.name] = tuple(name for name in names if name in direct) if direct else ()
    return found


def closure(wanted: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> set[str]:
    """`wanted` and everything they need, directly or not."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs.get(name, ()))
    return found


def assemble(source: Source, rules: Sequence[SourceRule]) -> str:
    """YARA text of `rules` (of `source`) as written, with the imports they use on a first line of their own."""
    return "\n".join([_imports(source, rules), *(rule.text for rule in rules)])


def condense(source: Source, rules: Sequence[SourceRule]) -> str:
    """The same without comments, tags and metadata, which matching does not need: it compiles faster."""
    return "\n".join([_imports(source, rules), *(_condensed(rule) for rule in rules)])


def heads(source: Source) -> str:
    """YARA text of what `condense` leaves out or changes, as written: rules up to their body, whole where that is not
    plain. Where the engine accepts this and that, it accepts the source, its comments aside."""
    odd = [rule for rule in source.rules if not rule.body]
    return "\n".join([_imports(source, odd), *(_head(rule) for rule in source.rules)])


def _head(rule: SourceRule) -> str:
    return f"{rule.head} condition: true }}" if rule.body else rule.text


def _imports(source: Source, rules: Sequence[SourceRule]) -> str:
    words = {token.text for rule in rules for token in rule.condition if token.kind is Kind.WORD}
    return " ".join(f'import "{module}"' for module in source.imports if module in words)


def _condensed(rule: SourceRule) -> str:
    kind = ("global " if rule.is_global else "") + ("private " if rule.is_private else "")
    return f"{kind}rule {rule.name} {{ {rule.body or _body(rule)}"


def _body(rule: SourceRule) -> str:
    """Strings and condition, in order."""
    strings = " ".join(f"{p.identifier}={p.value.text} {' '.join(p.modifiers)}" for p in rule.patterns)
    condition = " ".join(token.text for token in rule.condition)
    return f"{'strings: ' + strings if strings else ''} condition: {condition} }}"


def accepted(source: Source) -> Source:
    """`source` with only the rules that the engine compiles; each rejected one is a problem with its line."""
    if not source.rules or _rejection(source, source.rules) is None:
        return source
    needs = needed(source.rules)
    order = {rule.name: number for number, rule in enumerate(source.rules)}
    good: dict[str, SourceRule] = {}
    problems: list[Problem] = []
    for rule in source.rules:
        before = closure(needs[rule.name], needs) & good.keys()
        helpers = [good[name] for name in sorted(before, key=order.__getitem__)]
        rejection = _rejection(source, [*helpers, rule])
        if rejection is None:
            good[rule.name] = rule
        else:
            lines = 1 + sum(helper.text.count("\n") + 1 for helper in helpers)
            problems.append(_problem(source.name, rule, rejection, lines))
    return replace(source, rules=tuple(good.values()), problems=(*source.problems, *problems))


def _rejection(source: Source, rules: Sequence[SourceRule]) -> str | None:
    try:
        compile_sources({"check": assemble(source, rules)}, EXTERNALS)
    except boreal.Error as error:
        return str(error)
    return None


def _problem(source: str, rule: SourceRule, rejection: str, lines_before: int) -> Problem:
    """The engine's message with the line in the file instead of the line in what was compiled."""
    place = _PLACE.search(rejection)
    line = rule.line + int(place.group(1)) - lines_before - 1 if place else rule.line
    message = _PLACE.sub("", rejection, count=1).strip().splitlines()
    first = message[0] if message else "rejected by the rule engine"
    return Problem(source, max(line, rule.line), first, rule.name)
