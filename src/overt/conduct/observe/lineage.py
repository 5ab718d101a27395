"""Whose call was it: from strace's lines to threads, processes and the programs that ran in them.

strace names threads by their numbers in the lab's process namespace, and shows what clone returned, which is the
number in the caller's own. Both count up together, so that the difference is the same as long as only one namespace
makes processes: the file observer, which sees both numbers of every process it meets, tells what it was and when.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from overt.conduct.observe.trace import Called, Ended, Line

EXECS = frozenset(("execve", "execveat"))
BIRTHS = frozenset(("clone", "clone3", "fork", "vfork"))
MAX_SHIFT = 64
"""Processes that the lab itself may have made between two meetings."""

REUSED = 16_384
"""Births before which no number comes again: kernels count to 32,768 at least."""

_FIRST_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DESCRIBED = re.compile(r"\d+<((?:[^<>\\]|\\.)*)>")
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}


@dataclass(slots=True, eq=False)
class Image:
    """One program in one process, as the calls show it."""

    life: Life
    at: float
    """When the exec began; for the first one, when its process did."""
    program: str
    arguments: tuple[str, ...]
    """As far as strace shows them."""
    executed: bool
    """False: what the parent ran, forked."""
    before: Image | None
    """What ran in this process before, or for the first one in its parent."""
    number: int = 0
    """Given when it is known to have done anything."""


@dataclass(slots=True, eq=False)
class Life:
    """A thread number from its first line to its end."""

    thread: int
    began: float
    ended: float | None = None
    process: Life | None = None
    """The first thread of its process; None while it is its own."""
    images: list[Image] = field(default_factory=list)
    claimed: bool = False

    def image_at(self, at: float) -> Image | None:
        """What ran at that time; None if nothing had begun yet."""
        place = bisect_right(self.images, at, key=lambda image: image.at)
        return self.images[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Birth:
    """A clone that succeeded."""

    parent: Life
    at: float
    inner: int
    thread: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """The file observer met a process, and saw both of its numbers."""

    at: float
    shift: int
    """Number in the lab's namespace minus that in its own."""


class Lineage:
    """Built from all lines, in their order; then asked for each."""

    def __init__(self, lines: Iterable[Line], anchors: Iterable[Anchor], has_lab: bool) -> None:
        self._anchors = sorted(anchors, key=lambda anchor: anchor.at)
        self._lives: dict[int, list[Life]] = {}
        births, execs = self._read(lines)
        everybody = [life for lives in self._lives.values() for life in lives]
        self._root = min(everybody, key=_began, default=None) if has_lab else None
        children = list(self._children(sorted(births, key=_when)))
        for life in everybody:
            if not life.claimed:
                self._begin(life, None, life.began)
        self._unfold(children, execs)

    def life(self, thread: int, at: float) -> Life | None:
        """Of the thread that had this number at that time."""
        lives = self._lives.get(thread, [])
        place = bisect_right(lives, at, key=_began)
        return lives[place - 1] if place else None

    def image(self, thread: int, at: float) -> Image | None:
        """What the thread with this number ran at that time."""
        life = self.life(thread, at)
        return (life.process or life).image_at(at) if life is not None else None

    def images(self) -> Iterable[Image]:
        """All programs, in the order of their processes' numbers."""
        for thread in sorted(self._lives):
            for life in self._lives[thread]:
                yield from life.images

    def is_lab(self, image: Image | None) -> bool:
        """Whether it is the lab's own: the first traced process, or that forked without exec."""
        while image is not None and not image.executed and image.before is not None:
            image = image.before
        return image is None or image.life is self._root

    def _read(self, lines: Iterable[Line]) -> tuple[list[Birth], list[tuple[Life, Called]]]:
        births: list[Birth] = []
        execs: list[tuple[Life, Called]] = []
        for line in lines:
            life = self._current(line.thread, line.at)
            if isinstance(line, Ended):
                life.ended = line.at
            elif isinstance(line, Called) and line.name in EXECS and line.result == "0":
                execs.append((life, line))
            elif isinstance(line, Called) and line.name in BIRTHS and (line.value or 0) > 0:
                births.append(Birth(life, line.at, line.value or 0, "CLONE_THREAD" in line.arguments))
        return births, execs

    def _current(self, thread: int, at: float) -> Life:
        lives = self._lives.setdefault(thread, [])
        if not lives or lives[-1].ended is not None:
            lives.append(Life(thread, at))
        return lives[-1]

    def _unfold(self, children: list[tuple[Birth, Life]], execs: list[tuple[Life, Called]]) -> None:
        """In the order of time: who begins runs what its parent runs then."""
        happened: list[tuple[float, Birth | Called, Life]] = [
            (birth.at, birth, child) for birth, child in children
        ]
        happened += [(call.at, call, life) for life, call in execs]
        for at, what, life in sorted(happened, key=lambda row: row[0]):
            if isinstance(what, Called):
                self._execute(life.process or life, what)
                continue
            parent = what.parent.process or what.parent
            if what.thread:
                life.process = parent
            else:
                self._begin(life, parent.image_at(at), at)

    def _begin(self, life: Life, above: Image | None, at: float) -> None:
        program, arguments = (above.program, above.arguments) if above else ("", ())
        life.images.append(Image(life, at, program, arguments, False, above))

    def _children(self, births: list[Birth]) -> Iterator[tuple[Birth, Life]]:
        """Each birth with the life that has the number it should have. The lab makes processes of its own now and then:
        the difference grows, and shrinks only where a namespace begins to count anew."""
        last = 0
        for place, birth in enumerate(births):
            until = births[place + REUSED].at if place + REUSED < len(births) else float("inf")
            for shift in sorted(self._shifts(birth.at), key=lambda shift: (shift < last, shift)):
                child = self._unclaimed(birth.inner + shift, birth.at, until)
                if child is not None:
                    child.claimed, child.began, last = True, birth.at, shift
                    yield birth, child
                    break

    def _unclaimed(self, thread: int, after: float, until: float) -> Life | None:
        lives = self._lives.get(thread, [])
        later = lives[bisect_left(lives, after, key=_began) : bisect_right(lives, until, key=_began)]
        return next((life for life in later if not life.claimed), None)

    def _shifts(self, at: float) -> Iterable[int]:
        """Differences that may hold at that time; none for a clone that makes the first of a new namespace."""
        place = bisect_left(self._anchors, at, key=lambda anchor: anchor.at)
        near = [anchor.shift for anchor in self._anchors[max(0, place - 1) : place + 1]] or [0]
        low, high = min(near), max(near)
        if place == len(self._anchors):
            high = low + MAX_SHIFT  # nobody who was met later tells how many the lab made since
        if high - low <= MAX_SHIFT:
            near += range(low, high + 1)
        return dict.fromkeys([*near, 0])

    def _execute(self, life: Life, call: Called) -> None:
        above = life.images[-1] if life.images else None
        if above is not None and not above.executed and above.at == call.at:
            life.images.pop()  # the first line of all: nothing ran in it before
            above = above.before
        life.images.append(Image(life, call.at, program_of(call), arguments_of(call), True, above))


def program_of(call: Called) -> str:
    """What an exec names: a path, or what its descriptor is."""
    found = _FIRST_STRING.search(call.arguments)
    name = unescaped(found[1]) if found else ""
    if call.name == "execveat" and not name.startswith("/"):
        described = _DESCRIBED.match(call.arguments)
        folder = unescaped(described[1]) if described else ""
        return f"{folder}/{name}" if name and folder else folder or name
    return name


def arguments_of(call: Called) -> tuple[str, ...]:
    """The arguments of an exec, as far as strace shows them."""
    _, _, rest = call.arguments.partition(", [")
    words: list[str] = []
    while found := _FIRST_STRING.match(rest):
        more = rest[found.end() :].startswith("...")
        words.append(unescaped(found[1]) + ("…" if more else ""))
        rest = rest[found.end() :].removeprefix("...").removeprefix(", ")
    return tuple([*words, "…"] if rest.startswith("...") else words)


def unescaped(text: str) -> str:
    """What strace quoted; bytes that are no UTF-8 as `\\\\xNN`."""
    parts = bytearray()
    at = 0
    for found in _ESCAPE.finditer(text):
        parts += text[at : found.start()].encode()
        code = found[1]
        if code[0] in "01234567":
            parts.append(int(code, 8) & 0xFF)
        elif code[0] == "x" and len(code) == 3:
            parts.append(int(code[1:], 16))
        else:
            parts += _NAMED.get(code, code).encode()
        at = found.end()
    parts += text[at:].encode()
    return parts.decode("utf-8", "backslashreplace")


def _began(life: Life) -> float:
    return life.began


def _when(birth: Birth) -> float:
    return birth.at
