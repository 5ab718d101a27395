"""A rule's condition as a tree that keeps everything: unlike `overt.rules.condition`, which keeps what routing needs.

Operators and their precedence follow https://yara.readthedocs.io/en/stable/writingrules.html#conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overt.rules.condition import LEVELS
from overt.rules.yara_cursor import ConditionError, Cursor
from overt.rules.yara_tokens import Kind, Token

MAX_DEPTH = 60
"""Nesting beyond which a condition is not read."""
READS = frozenset(
    f"{sign}int{bits}{order}" for sign in ("u", "") for bits in (8, 16, 32) for order in ("", "be")
)
QUANTIFIERS = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Expression:
    """One operation: `op` says which (an operator's sign, or a word of this module), `args` its operands, `names`
    and `text` what it names, `value` a number's value."""

    op: str
    args: tuple[Expression, ...] = ()
    text: str = ""
    names: tuple[str, ...] = ()
    value: int = 0

    def walk(self) -> Iterator[Expression]:
        """This and everything below it."""
        yield self
        for arg in self.args:
            yield from arg.walk()

    def __str__(self) -> str:
        if self.op == "number":
            return str(self.value)
        inner = ", ".join(map(str, self.args))
        return f"{self.text or '.'.join(self.names) or self.op}({inner})" if inner else self.text or self.op


def parse(condition: Sequence[Token]) -> Expression:
    """The tree of `condition`. Raises `ConditionError`."""
    reader = _Parser(condition)
    tree = reader.disjunction()
    reader.end()
    return tree


class _Parser(Cursor):
    def disjunction(self) -> Expression:
        self.deeper(MAX_DEPTH)
        parts = [self._conjunction()]
        while self.accept("or"):
            parts.append(self._conjunction())
        self.back()
        return parts[0] if len(parts) == 1 else Expression("or", tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self.accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Expression("and", tuple(parts))

    def _negation(self) -> Expression:
        negative = False
        while self.accept("not"):
            negative = not negative
        defined = self.accept("defined")
        inner = Expression("defined", (self._negation(),)) if defined else self._level(0)
        return Expression("not", (inner,)) if negative else inner

    def _level(self, level: int) -> Expression:
        if level == len(LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self.peek() in LEVELS[level] and not (self.peek() == "%" and self.peek(1) == "of"):
            sign = self.take().text
            left = Expression(sign, (left, self._level(level + 1)))
        if level == len(LEVELS) - 1 and self.peek() in ("of", "%"):
            return self._of(Expression("percent", (left,)) if self.accept("%") else left)
        return left

    def _unary(self) -> Expression:
        if self.accept("-"):
            return Expression("-", (Expression("number"), self._unary()))
        if self.accept("~"):
            return Expression("~", (self._unary(),))
        return self._primary()

    def _primary(self) -> Expression:
        token = self.take()
        if token.kind is Kind.NUMBER:
            return Expression("number", value=_number(token.text))
        if token.kind is Kind.TEXT:
            return Expression("text", text=token.text)
        if token.kind is Kind.REGEX:
            return Expression("regex", text=token.text)
        if token.kind is Kind.STRING_ID:
            return self._string(token.text)
        if token.text == "(":
            inner = self.disjunction()
            self.expect(")")
            return inner
        if token.kind is Kind.WORD:
            return self._word(token.text)
        raise ConditionError(f"unexpected {token.text!r}")

    def _string(self, identifier: str) -> Expression:
        """`$a`, `$a at X`, `$a in (X..Y)`, `#a`, `#a in (X..Y)`, `@a[X]`, `!a[X]`."""
        op = {"$": "string", "#": "count", "@": "offset", "!": "length"}[identifier[0]]
        args: tuple[Expression, ...] = ()
        if op == "string" and self.accept("at"):
            op, args = "at", (self._level(2),)
        elif self.accept("in"):
            args = self._range()
        elif self.accept("["):
            args = (self.disjunction(),)
            self.expect("]")
        return Expression(op, args, "$" + identifier[1:])

    def _word(self, word: str) -> Expression:
        if word in ("true", "false", "filesize", "entrypoint"):
            return Expression(word)
        if word in READS:
            self.expect("(")
            offset = self.disjunction()
            self.expect(")")
            return Expression("read", (offset,), word)
        if word == "for":
            return self._for()
        if word in QUANTIFIERS:
            return self._of(Expression(word))
        return self._path(word)

    def _path(self, word: str) -> Expression:
        """`name`, or a module's field with indexes, keys and calls anywhere in it (they become `args`)."""
        path = [word]
        args: list[Expression] = []
        while self.peek() in (".", "[", "("):
            sign = self.take().text
            if sign == ".":
                path.append(self.take().text)
            else:
                args.extend(self._arguments("]" if sign == "[" else ")"))
        if len(path) == 1 and not args:
            return Expression("name", text=word)
        return Expression("field", tuple(args), names=tuple(path))

    def _arguments(self, closing: str) -> list[Expression]:
        found: list[Expression] = []
        while not self.accept(closing):
            found.append(self.disjunction())
            if self.peek() not in (closing, ","):
                raise ConditionError(f"expected {closing!r}, found {self.peek()!r}")
            self.accept(",")
        return found

    def _range(self) -> tuple[Expression, Expression]:
        self.expect("(")
        low = self._level(0)
        self.expect("..")
        high = self._level(0)
        self.expect(")")
        return low, high

    def _set(self) -> tuple[str, ...]:
        if self.accept("them"):
            return ("$*",)
        self.expect("(")
        names = []
        while not self.accept(")"):
            names.append(self.take().text)
            self.accept(",")
        return tuple(names)

    def _of(self, quantifier: Expression) -> Expression:
        """After the quantifier of `… of SET [at X | in (a..b)]`; `text` is `at` when each must be there."""
        self.expect("of")
        names = self._set()
        where: tuple[Expression, ...] = ()
        if self.accept("in"):
            return Expression("of", (quantifier, *self._range()), names=names)
        if self.accept("at"):
            where = (self._level(2),)
            return Expression("of", (quantifier, *where), "at", names)
        return Expression("of", (quantifier,), names=names)

    def _for(self) -> Expression:
        """`for Q of SET : (body)` is `for-of`; `for Q v in … : (body)` is `for-in`, over a range or a list."""
        quantifier = Expression(self.take().text) if self.peek() in QUANTIFIERS else self._level(2)
        if quantifier.op == "of":
            raise ConditionError("unexpected 'of'")
        if self.accept("%"):
            quantifier = Expression("percent", (quantifier,))
        if self.accept("of"):
            names, over = self._set(), None
        else:
            names, over = self._variables(), self._iterator()
        self.expect(":")
        self.expect("(")
        body = self.disjunction()
        self.expect(")")
        if over is None:
            return Expression("for-of", (quantifier, body), names=names)
        return Expression("for-in", (quantifier, over, body), names=names)

    def _variables(self) -> tuple[str, ...]:
        names = [self.take().text]
        while self.accept(","):
            names.append(self.take().text)
        self.expect("in")
        return tuple(names)

    def _iterator(self) -> Expression:
        if not self.accept("("):
            return self._level(2)
        parts = [self._level(0)]
        op = "range" if self.accept("..") else "list"
        if op == "range":
            parts.append(self._level(0))
        while self.accept(","):
            parts.append(self._level(0))
        self.expect(")")
        return Expression(op, tuple(parts))


def _number(text: str) -> int:
    for unit, size in (("KB", 1 << 10), ("MB", 1 << 20)):
        if text.endswith(unit):
            return int(text[:-2]) * size
    if "." in text:
        return int(float(text))
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
