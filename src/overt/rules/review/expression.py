"""A rule's condition as a tree that keeps everything, unlike that of `overt.rules.condition`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overt.rules.yara_condition import Reader, Where, integer
from overt.rules.yara_tokens import Kind, Token


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
    return _Review(condition).whole()


_USES = {"$": "string", "#": "count", "@": "offset", "!": "length"}
_LITERALS = {Kind.TEXT: "text", Kind.REGEX: "regex"}


class _Review(Reader[Expression]):
    def both(self, parts: tuple[Expression, ...]) -> Expression:
        return Expression("and", parts)

    def either(self, parts: tuple[Expression, ...]) -> Expression:
        return Expression("or", parts)

    def negated(self, inner: Expression) -> Expression:
        return Expression("not", (inner,))

    def defined(self, inner: Expression) -> Expression:
        return Expression("defined", (inner,))

    def combined(self, sign: str, left: Expression, right: Expression) -> Expression:
        return Expression(sign, (left, right))

    def signed(self, sign: str, inner: Expression) -> Expression:
        return Expression("-", (Expression("number"), inner)) if sign == "-" else Expression("~", (inner,))

    def literal(self, token: Token) -> Expression:
        if token.kind is Kind.NUMBER:
            if "." in token.text:
                return Expression("fraction", text=token.text)
            return Expression("number", value=integer(token.text))
        return Expression(_LITERALS[token.kind], text=token.text)

    def word(self, word: str) -> Expression:
        return Expression(word)

    def read(self, function: str, offset: Expression) -> Expression:
        return Expression("read", (offset,), function)

    def path(self, names: tuple[str, ...], arguments: tuple[Expression, ...], plain: bool) -> Expression:
        return Expression("name", text=names[0]) if plain else Expression("field", arguments, names=names)

    def string(self, identifier: str, where: Where, places: tuple[Expression, ...]) -> Expression:
        op = "at" if where is Where.AT else _USES[identifier[0]]
        return Expression(op, places, "$" + identifier[1:])

    def percent(self, share: Expression) -> Expression:
        return Expression("percent", (share,))

    def of(
        self,
        quantifier: Expression,
        names: tuple[str, ...],
        where: Where,
        places: tuple[Expression, ...],
    ) -> Expression:
        """`text` is `at` when each must be at a place."""
        return Expression("of", (quantifier, *places), "at" if where is Where.AT else "", names)

    def of_these(self, quantifier: Expression, parts: tuple[Expression, ...]) -> Expression:
        return Expression("of-these", (quantifier, *parts))

    def for_of(self, quantifier: Expression, names: tuple[str, ...], body: Expression) -> Expression:
        return Expression("for-of", (quantifier, body), names=names)

    def for_in(
        self, quantifier: Expression, variables: tuple[str, ...], over: Expression, body: Expression
    ) -> Expression:
        return Expression("for-in", (quantifier, over, body), names=variables)

    def listed(self, parts: tuple[Expression, ...], is_range: bool) -> Expression:
        return Expression("range" if is_range else "list", parts)
