"""The grammar of YARA's conditions. One parser: what is made of each construct is its reader's.

Operators and their precedence follow https://yara.readthedocs.io/en/stable/writingrules.html#conditions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Generic, TypeVar

from overt.rules.yara_cursor import ConditionError, Cursor
from overt.rules.yara_tokens import Kind, Token

Made = TypeVar("Made")

LEVELS = (
    tuple("== != contains icontains startswith istartswith endswith iendswith iequals matches".split()),
    ("<", "<=", ">", ">="),
    ("|",),
    ("^",),
    ("&",),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "\\", "%"),
)
"""Binary operators over values, loosest first."""
BINDING = {sign: level for level, signs in enumerate(LEVELS) for sign in signs}
LOOSEST, BITWISE = 0, BINDING["|"]
QUANTIFIERS = frozenset(("all", "any", "none"))
READS = frozenset(
    f"{sign}int{bits}{order}" for sign in ("u", "") for bits in (8, 16, 32) for order in ("", "be")
)
CONSTANTS = frozenset(("true", "false", "filesize", "entrypoint"))
MAX_DEPTH = 60
"""Nesting beyond which a condition is not read: of parentheses, loops, signs and places."""
MAX_CHAIN = 200
"""Operators in one row (`a + b + c …`), each of which makes a tree one level deeper."""


class Where(Enum):
    """Which matches of a string, or of a set, are meant."""

    ANYWHERE = ""
    AT = "at"
    IN = "in"
    NUMBERED = "["


class Reader(Cursor, ABC, Generic[Made]):
    """Reads a condition from the loosest construct down; a subclass says what each is to it.

    What it makes of a condition is `whole()`. Nesting is bounded by `MAX_DEPTH` and `MAX_CHAIN`, so that neither
    reading a condition nor walking through what was made of it recurses far.
    """

    @abstractmethod
    def both(self, parts: tuple[Made, ...]) -> Made:
        """`a and b …`: two or more."""

    @abstractmethod
    def either(self, parts: tuple[Made, ...]) -> Made:
        """`a or b …`: two or more."""

    @abstractmethod
    def negated(self, inner: Made) -> Made:
        """`not a`; an even number of `not` is none."""

    @abstractmethod
    def defined(self, inner: Made) -> Made:
        """`defined a`."""

    @abstractmethod
    def combined(self, sign: str, left: Made, right: Made) -> Made:
        """`a SIGN b` for the operators of `LEVELS`."""

    @abstractmethod
    def signed(self, sign: str, inner: Made) -> Made:
        """`-a` or `~a`."""

    @abstractmethod
    def literal(self, token: Token) -> Made:
        """A number, a quoted text or a regular expression."""

    @abstractmethod
    def word(self, word: str) -> Made:
        """One of `CONSTANTS`, or of `QUANTIFIERS` before a set."""

    @abstractmethod
    def read(self, function: str, offset: Made) -> Made:
        """`uint16be(a)` and the others of `READS`."""

    @abstractmethod
    def path(self, names: tuple[str, ...], arguments: tuple[Made, ...], plain: bool) -> Made:
        """`name` alone (`plain`), or a module's field: its indexes, keys and calls' arguments are `arguments`."""

    @abstractmethod
    def string(self, identifier: str, where: Where, places: tuple[Made, ...]) -> Made:
        """`$a`, `#a`, `@a` or `!a`, at one place, in a range of two, numbered by one, or anywhere."""

    @abstractmethod
    def percent(self, share: Made) -> Made:
        """`a %` as a quantifier."""

    @abstractmethod
    def of(self, quantifier: Made, names: tuple[str, ...], where: Where, places: tuple[Made, ...]) -> Made:
        """`Q of (names)`, anywhere, at a place, or in a range of two; `them` is `$*`."""

    @abstractmethod
    def of_these(self, quantifier: Made, parts: tuple[Made, ...]) -> Made:
        """`Q of (a == 1, b and c, …)`: conditions instead of strings or rules."""

    @abstractmethod
    def for_of(self, quantifier: Made, names: tuple[str, ...], body: Made) -> Made:
        """`for Q of (names) : (body)`."""

    @abstractmethod
    def for_in(self, quantifier: Made, variables: tuple[str, ...], over: Made, body: Made) -> Made:
        """`for Q variables in over : (body)`."""

    @abstractmethod
    def listed(self, parts: tuple[Made, ...], is_range: bool) -> Made:
        """What a loop goes through: `(a..b)`, or `(a, b, …)`."""

    def whole(self) -> Made:
        """The condition from its first token to its last. Raises `ConditionError`."""
        made = self._disjunction()
        self.end()
        return made

    def _disjunction(self) -> Made:
        self.deeper(MAX_DEPTH)
        parts = [self._conjunction()]
        while self.accept("or"):
            parts.append(self._conjunction())
        self.back()
        return parts[0] if len(parts) == 1 else self.either(tuple(parts))

    def _conjunction(self) -> Made:
        parts = [self._negation()]
        while self.accept("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else self.both(tuple(parts))

    def _negation(self) -> Made:
        negative = False
        while self.accept("not"):
            negative = not negative
        if self.accept("defined"):
            self.deeper(MAX_DEPTH)
            inner = self.defined(self._negation())
            self.back()
        else:
            inner = self._operators(LOOSEST)
        return self.negated(inner) if negative else inner

    def _operators(self, loosest: int) -> Made:
        """Values joined by operators that bind at least as tightly as `loosest`, by precedence climbing."""
        made = self._unary()
        for _ in range(MAX_CHAIN):
            sign = self.peek()
            level = BINDING.get(sign, -1)
            if sign == "of" or (sign == "%" and self.peek(1) == "of"):
                if loosest > BITWISE:  # the quantifier is the whole sum before it
                    return made
                made = self._of(self._quantifier(made))
            elif level >= loosest:
                self.take()
                made = self.combined(sign, made, self._operators(level + 1))
            else:
                return made
        raise ConditionError(f"more than {MAX_CHAIN} operators in a row")

    def _unary(self) -> Made:
        signs: list[str] = []
        while self.peek() in ("-", "~"):
            signs.append(self.take().text)
            if len(signs) > MAX_DEPTH:
                raise ConditionError("too many signs in a row")
        made = self._primary()
        for sign in reversed(signs):
            made = self.signed(sign, made)
        return made

    def _primary(self) -> Made:
        token = self.take()
        match token.kind:
            case Kind.STRING_ID:
                return self._string(token.text)
            case Kind.WORD:
                return self._word(token.text)
            case Kind.NUMBER | Kind.TEXT | Kind.REGEX:
                return self.literal(token)
        if token.text != "(":
            raise ConditionError(f"unexpected {token.text!r}")
        inner = self._disjunction()
        self.expect(")")
        return inner

    def _string(self, identifier: str) -> Made:
        """`$a`, `$a at X`, `$a in (X..Y)`, `#a`, `#a in (X..Y)`, `@a[X]`, `!a[X]`."""
        if identifier[0] == "$" and self.accept("at"):
            return self.string(identifier, Where.AT, (self._place(),))
        if self.accept("in"):
            return self.string(identifier, Where.IN, self._range())
        if identifier[0] != "$" and self.accept("["):
            number = self._disjunction()
            self.expect("]")
            return self.string(identifier, Where.NUMBERED, (number,))
        return self.string(identifier, Where.ANYWHERE, ())

    def _word(self, word: str) -> Made:
        if word in CONSTANTS:
            return self.word(word)
        if word in READS:
            self.expect("(")
            offset = self._disjunction()
            self.expect(")")
            return self.read(word, offset)
        if word == "for":
            return self._for()
        if word in QUANTIFIERS:
            return self._of(self.word(word))
        return self._path(word)

    def _path(self, word: str) -> Made:
        names, arguments = [word], list[Made]()
        plain = True
        while (sign := self.peek()) in (".", "[", "("):
            plain = False
            self.take()
            if sign == ".":
                names.append(self.take().text)
            else:
                arguments.extend(self._arguments("]" if sign == "[" else ")"))
        return self.path(tuple(names), tuple(arguments), plain)

    def _arguments(self, closing: str) -> list[Made]:
        found: list[Made] = []
        while not self.accept(closing):
            found.append(self._disjunction())
            if self.peek() not in (closing, ","):
                raise ConditionError(f"expected {closing!r}, found {self.peek()!r}")
            self.accept(",")
        return found

    def _place(self) -> Made:
        self.deeper(MAX_DEPTH)
        place = self._operators(BITWISE)
        self.back()
        return place

    def _range(self) -> tuple[Made, Made]:
        self.expect("(")
        self.deeper(MAX_DEPTH)
        low = self._operators(LOOSEST)
        self.expect("..")
        high = self._operators(LOOSEST)
        self.back()
        self.expect(")")
        return low, high

    def _set(self) -> tuple[str, ...]:
        """`them` or a list in parentheses; the texts in it."""
        if self.accept("them"):
            return ("$*",)
        self.expect("(")
        names = []
        while not self.accept(")"):
            names.append(self.take().text)
            self.accept(",")
        return tuple(names)

    def _names_only(self) -> bool:
        """Whether a set of names follows, and not of conditions."""
        ahead = 0 if self.peek() == "them" else 1
        while ahead and self.peek(ahead + 1) == ",":
            ahead += 2
        return not ahead or self.peek(ahead + 1) == ")"

    def _quantifier(self, number: Made) -> Made:
        return self.percent(number) if self.accept("%") else number

    def _of(self, quantifier: Made) -> Made:
        """After the quantifier of `Q of SET [at X | in (X..Y)]`."""
        self.expect("of")
        if not self._names_only():
            self.expect("(")
            return self.of_these(quantifier, tuple(self._arguments(")")))
        names = self._set()
        if self.accept("in"):
            return self.of(quantifier, names, Where.IN, self._range())
        if self.accept("at"):
            return self.of(quantifier, names, Where.AT, (self._place(),))
        return self.of(quantifier, names, Where.ANYWHERE, ())

    def _for(self) -> Made:
        """`for Q of SET : (body)`, or `for Q v, … in … : (body)`."""
        self.deeper(MAX_DEPTH)
        quantifier = self._how_many()
        names, over = (self._set(), None) if self.accept("of") else (self._variables(), self._iterator())
        self.expect(":")
        self.expect("(")
        body = self._disjunction()
        self.expect(")")
        self.back()
        if over is None:
            return self.for_of(quantifier, names, body)
        return self.for_in(quantifier, names, over, body)

    def _how_many(self) -> Made:
        """A loop's quantifier: its `of` is the loop's."""
        if self.peek() in QUANTIFIERS:
            return self.word(self.take().text)
        return self._quantifier(self._operators(BITWISE + 1))

    def _variables(self) -> tuple[str, ...]:
        names = [self.take().text]
        while self.accept(","):
            names.append(self.take().text)
        self.expect("in")
        return tuple(names)

    def _iterator(self) -> Made:
        """What a loop goes through: a module's list, or a range or list in parentheses."""
        if not self.accept("("):
            return self._operators(BITWISE)
        parts = [self._operators(LOOSEST)]
        is_range = self.accept("..")
        if is_range:
            parts.append(self._operators(LOOSEST))
        while self.accept(","):
            parts.append(self._operators(LOOSEST))
        self.expect(")")
        return self.listed(tuple(parts), is_range)


def integer(text: str) -> int:
    """The value of a whole number as written, KB and MB counted. Raises `ValueError`."""
    for unit, size in (("KB", 1 << 10), ("MB", 1 << 20)):
        if text.endswith(unit):
            return int(text[:-2]) * size
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
