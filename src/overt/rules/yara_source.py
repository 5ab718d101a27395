"""YARA sources split into rules, each with its place, metadata, strings and condition.

A rule that cannot be read costs only itself: reading goes on at the next line that starts one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from overt.rules.yara_sections import Meta, meta_entries, string_entries
from overt.rules.yara_tokens import REGEX, TEXT, Kind, LexicalError, Token, tokens, unquote

SECTIONS = ("meta", "strings", "condition")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that was not taken over, and why. `line` counts from 1; 0: the whole file."""

    source: str
    line: int
    message: str
    rule: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.rule + ': ' if self.rule else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One string of a rule: its identifier (`$a`; `$` when anonymous), its token and its modifiers."""

    identifier: str
    value: Token
    modifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceRule:
    """One rule as written."""

    name: str
    line: int
    text: str
    tags: tuple[str, ...] = ()
    is_global: bool = False
    is_private: bool = False
    meta: tuple[Meta, ...] = ()
    """In order, values as text, quotes and escapes removed."""
    patterns: tuple[Pattern, ...] = ()
    condition: tuple[Token, ...] = ()
    body: str = ""
    """The end of its text, from its strings or condition on, without comments. Empty where that is not plain: sections
    in order, each once, in characters that every reader takes for the same."""

    head: str = ""
    """What is before that: name, tags and metadata, as written."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of rules: one namespace."""

    name: str
    imports: tuple[str, ...]
    rules: tuple[SourceRule, ...]
    problems: tuple[Problem, ...]


class _Unreadable(ValueError):
    def __init__(self, offset: int, message: str, rule: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.rule = rule


_ODD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_COMMENT = re.compile(rf"//[^\n]*|/\*(?s:.*?)\*/|({TEXT}|{REGEX})")
_RULE_LINE = re.compile(r"^[ \t]*(?:(?:global|private)\s+)*rule\s+\w+", re.MULTILINE)


def split(name: str, text: str) -> Source:
    """Split the YARA source `text`; `name` is used in messages. What can't be read is a problem, not an error."""
    lines = _line_starts(text)
    imports: dict[str, None] = {}
    rules: dict[str, SourceRule] = {}
    problems: list[Problem] = []
    position = 0
    while position < len(text):
        reader = _Reader(text, position, lines)
        try:
            for rule in reader.rules(imports):
                position = reader.position
                if rule.name in rules:
                    first = rules[rule.name].line
                    message = f"a rule of this name is on line {first}"
                    problems.append(Problem(name, rule.line, message, rule.name))
                else:
                    rules[rule.name] = rule
            break
        except (_Unreadable, LexicalError) as error:
            rule_name = error.rule if isinstance(error, _Unreadable) else reader.current
            problems.append(Problem(name, bisect_right(lines, error.offset), str(error), rule_name))
            following = _RULE_LINE.search(text, _after(reader.rule_start, position))
            position = following.start() if following else len(text)
    return Source(name, tuple(imports), tuple(rules.values()), tuple(problems))


def _after(rule_start: int | None, position: int) -> int:
    """Where to look for the next rule after a failure: past the failed rule's own first word."""
    return position + 1 if rule_start is None else rule_start + 1


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


class _Reader:
    """Reads rules from one position on, until the end or the first thing it can't read."""

    def __init__(self, text: str, start: int, lines: list[int]) -> None:
        self._text = text
        self._lines = lines
        self._tokens = tokens(text, start)
        self.position = start
        """End of the last thing read whole."""
        self.rule_start: int | None = None
        self.current = ""

    def rules(self, imports: dict[str, None]) -> Iterator[SourceRule]:
        """Rules in order; the modules imported on the way are added to `imports`."""
        while token := next(self._tokens, None):
            if token.text == "import":
                imports[unquote(self._next(Kind.TEXT, "a module name in quotes").text)] = None
            elif token.text == "include":
                target = self._next(Kind.TEXT, "a file name in quotes")
                raise _Unreadable(
                    token.start, f"include of {target.text} is not followed: add that file itself instead"
                )
            elif token.text in ("rule", "global", "private"):
                self.rule_start = token.start
                yield self._rule(token)
                self.rule_start, self.current = None, ""
            else:
                raise _Unreadable(token.start, f"expected a rule, found {token.text[:30]!r}")

    def _next(self, kind: Kind | None = None, wanted: str = "") -> Token:
        token = next(self._tokens, None)
        if token is None:
            offset = len(self._text) if self.rule_start is None else self.rule_start
            raise _Unreadable(offset, "the file ends inside this rule", self.current)
        if kind is not None and token.kind is not kind:
            raise _Unreadable(token.start, f"expected {wanted}, found {token.text[:30]!r}", self.current)
        return token

    def _rule(self, first: Token) -> SourceRule:
        modifiers: list[str] = []
        token = first
        while token.text != "rule":
            if token.text not in ("global", "private"):
                raise _Unreadable(token.start, f"expected 'rule', found {token.text[:30]!r}")
            modifiers.append(token.text)
            token = self._next()
        name = self._next(Kind.WORD, "a rule name").text
        self.current = name
        tags = self._tags()
        body, end = self._body()
        self.position = end
        return SourceRule(
            name=name,
            line=bisect_right(self._lines, first.start),
            text=self._text[first.start : end],
            tags=tags,
            is_global="global" in modifiers,
            is_private="private" in modifiers,
            meta=(*body.meta, *_meta(body.sections["meta"])),
            patterns=(*body.patterns, *_patterns(body.sections["strings"])),
            condition=tuple(body.sections["condition"]),
            body=_plain(self._text[body.start : end]) if body.in_order else "",
            head=self._text[first.start : body.start],
        )

    def _tags(self) -> tuple[str, ...]:
        token = self._next()
        found: list[str] = []
        if token.text == ":":
            while (token := self._next()).kind is Kind.WORD:
                found.append(token.text)
        if token.text != "{":
            raise _Unreadable(token.start, f"expected '{{', found {token.text[:30]!r}", self.current)
        return tuple(found)

    def _body(self) -> tuple[_Body, int]:
        """What is in the sections, and the end of the rule's closing brace."""
        body = _Body()
        inside: list[Token] | None = None
        held: Token | None = None
        while True:
            token = held or next(self._tokens, None) or self._next()
            held = None
            text = token.text
            if text in SECTIONS and token.kind is Kind.WORD:
                held = self._next()
                if held.text == ":":
                    body.begin(text, token.start)
                    inside = self._section(text, held.end, body)
                    held = None
                    continue
            elif text == "}" and token.kind is Kind.SIGN:
                if "condition" not in body.begun:
                    raise _Unreadable(token.start, "the rule has no condition", self.current)
                return body, token.end
            if inside is None or text == "{":
                raise _Unreadable(token.start, f"expected a section, found {text[:30]!r}", self.current)
            inside.append(token)

    def _section(self, name: str, start: int, body: _Body) -> list[Token]:
        """Read a section entry by entry when that can be done. Returns where its tokens go otherwise."""
        once = body.begun.count(name) == 1
        if name == "meta" and once and (meta := meta_entries(self._text, start)):
            body.meta = meta[0]
            self._tokens = tokens(self._text, meta[1])
        if name == "strings" and once and (strings := string_entries(self._text, start)):
            body.patterns = [Pattern(*entry) for entry in strings[0]]
            self._tokens = tokens(self._text, strings[1])
        return body.sections[name]


@dataclass(slots=True)
class _Body:
    """What a rule's sections hold: entries, or the tokens of what was not read as such."""

    meta: list[Meta] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    sections: dict[str, list[Token]] = field(default_factory=lambda: {name: [] for name in SECTIONS})
    begun: list[str] = field(default_factory=list)
    """The sections, as they come."""
    start: int = 0
    """Where the first of them begins that is not its metadata."""

    @property
    def in_order(self) -> bool:
        """Whether each of them is there at most once, and where it belongs."""
        return self.begun == [name for name in SECTIONS if name in self.begun]

    def begin(self, name: str, start: int) -> None:
        """A section begins."""
        self.begun.append(name)
        if name != "meta":
            self.start = self.start or start


def _plain(body: str) -> str:
    """`body` without its comments; nothing if it has other characters than printable ones and ordinary spaces."""
    if "//" in body or "/*" in body:
        body = _COMMENT.sub(lambda match: match.group(1) or " ", body)
    return body if body.isascii() and not _ODD.search(body) else ""


def _meta(section: list[Token]) -> Iterator[tuple[str, str]]:
    for index in range(len(section) - 2):
        key, sign, value = section[index : index + 3]
        if key.kind is Kind.WORD and sign.text == "=":
            if value.text == "-" and index + 3 < len(section):
                yield key.text, "-" + section[index + 3].text
            else:
                yield key.text, unquote(value.text) if value.kind is Kind.TEXT else value.text


def _patterns(section: list[Token]) -> Iterator[Pattern]:
    starts = [at for at, token in enumerate(section) if token.text == "=" and at and at + 1 < len(section)]
    for number, at in enumerate(starts):
        end = starts[number + 1] - 1 if number + 1 < len(starts) else len(section)
        words = tuple(token.text for token in section[at + 2 : end])
        yield Pattern(section[at - 1].text, section[at + 1], words)
