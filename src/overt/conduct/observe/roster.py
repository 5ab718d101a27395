"""One number for each program that ran, from both that saw it: the file observer and the call layer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from overt.conduct.evidence.records import Process
from overt.conduct.observe.clock import Clock
from overt.conduct.observe.lineage import Image, Lineage
from overt.conduct.observe.raw import RawProcess

EARLY_S = 0.001
"""By which strace's clock and the lab's may differ, once brought together."""


@dataclass(slots=True, eq=False)
class _Program:
    """One that is in the records."""

    number: int
    raw: RawProcess | None
    image: Image | None


@dataclass(slots=True)
class Roster:
    """Built once from both; then asked who it was. Without a call layer `lineage` is None."""

    raw: Iterable[RawProcess]
    lineage: Lineage | None
    clock: Clock
    step_at: Callable[[float], int]
    from_s: float
    """What began before is of the lab's own preparation."""
    _programs: list[_Program] = field(default_factory=list)
    _by_raw: dict[int, _Program | None] = field(default_factory=dict)
    _by_image: dict[Image, _Program] = field(default_factory=dict)
    _by_pid: dict[int, list[tuple[float, _Program]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for raw in sorted(self.raw, key=lambda raw: raw.at_s):
            self._by_raw[raw.number] = self._join(raw)
        for image in self.lineage.images() if self.lineage else ():
            if image.executed:
                self.of_image(image)

    def knows(self, number: int) -> bool:
        """Whether the file observer wrote down whose number this is."""
        return number in self._by_raw

    def of_raw(self, number: int) -> int | None:
        """The run's number for the file observer's; None for what the lab did before the first step."""
        program = self._by_raw.get(number)
        return program.number if program is not None else None

    def of_thread(self, thread: int, wall_s: float) -> int | None:
        """Who had this thread number when strace's clock said so; None for the lab itself."""
        if self.lineage is None:
            return None
        image = self.lineage.image(thread, wall_s)
        return None if image is None else self.of_image(image)

    def of_image(self, image: Image) -> int | None:
        """The number of what the call layer saw; None for the lab itself."""
        program = self._by_image.get(image)
        if program is None:
            if self.lineage is None or self.lineage.is_lab(image) or self.clock.at(image.at) < self.from_s:
                return None
            program = self._add(None, image)
        return program.number

    def of_process(self, pid: int, at_s: float) -> int | None:
        """Who had this process number then."""
        if self.lineage is not None:
            return self.of_thread(pid, self.clock.wall(at_s))
        seen = self._by_pid.get(pid, [])
        place = bisect_right(seen, at_s, key=lambda pair: pair[0])
        return seen[place - 1][1].number if place else None

    def processes(self) -> list[Process]:
        """All of them, by number."""
        return [self._record(program) for program in self._programs]

    @property
    def nameless(self) -> int:
        """Programs that did something and of which not even a path is known."""
        return sum(not self._record(program).program for program in self._programs)

    def _join(self, raw: RawProcess) -> _Program | None:
        if raw.at_s < self.from_s:
            return None
        image = self.lineage.image(raw.pid, self.clock.wall(raw.at_s) + EARLY_S) if self.lineage else None
        if image is None or self.lineage is None or self.lineage.is_lab(image):
            return self._add(raw, None)
        known = self._by_image.get(image)
        if known is None:
            return self._add(raw if raw.certain or image.executed else None, image)
        if known.raw is None and raw.certain:
            known.raw = raw
        return known

    def _add(self, raw: RawProcess | None, image: Image | None) -> _Program:
        program = _Program(len(self._programs) + 1, raw, image)
        self._programs.append(program)
        if image is not None:
            self._by_image[image] = program
        if raw is not None:
            self._by_pid.setdefault(raw.pid, []).append((raw.at_s, program))
        return program

    def _record(self, program: _Program) -> Process:
        raw, image = program.raw, program.image
        times = [raw.at_s] if raw is not None else []
        times += [self.clock.at(image.at)] if image is not None else []
        met = raw or self._met_before_fork(image)
        rights = met or self._raw_above(image)
        shown = image.arguments if image is not None else ()
        return Process(
            number=program.number,
            pid=raw.pid if raw is not None else image.life.thread if image is not None else 0,
            parent=self._parent(program),
            at_s=round(min(times), 6),
            ended_s=self._ended(program),
            step=self.step_at(min(times)),
            program=met.program if met is not None else image.program if image is not None else "",
            sha256=met.sha256 if met is not None else "",
            arguments=met.arguments if met is not None and met.arguments else shown,
            user=rights.user if rights is not None else 0,
            capabilities=rights.capabilities if rights is not None else (),
        )

    def _met_before_fork(self, image: Image | None) -> RawProcess | None:
        """The file observer's meeting of the program that a fork goes on running."""
        while image is not None and not image.executed:
            image = image.before
            program = self._by_image.get(image) if image is not None else None
            if program is not None and program.raw is not None:
                return program.raw
        return None

    def _raw_above(self, image: Image | None) -> RawProcess | None:
        """The file observer's nearest meeting above a program that opened nothing: it has what that one had."""
        while image is not None:
            program = self._by_image.get(image)
            if program is not None and program.raw is not None:
                return program.raw
            image = image.before
        return None

    def _parent(self, program: _Program) -> int | None:
        if program.image is None:
            return self.of_raw(program.raw.parent) if program.raw is not None and program.raw.parent else None
        above = program.image.before
        while above is not None:
            known = self._by_image.get(above)
            if known is not None:
                return known.number
            above = above.before
        return None

    def _ended(self, program: _Program) -> float | None:
        if program.image is None:
            return program.raw.ended_s if program.raw is not None else None
        images = program.image.life.images
        later = images[images.index(program.image) + 1 :]
        ended = later[0].at if later else program.image.life.ended
        return round(self.clock.at(ended), 6) if ended is not None else None
