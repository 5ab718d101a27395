"""The steps of one run, one after the other, and the record of how each ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from overt.conduct.chamber.plan import PATH, Command, Ended
from overt.conduct.evidence.records import Mode, StepKind, StepRun
from overt.conduct.judge.answering import shortened
from overt.conduct.judge.machine import NOT_THE_PRODUCT
from overt.conduct.profile import Step, filled
from overt.conduct.session.task import Task
from overt.conduct.sink.forgery import Forging

Tell = Callable[[str], None]
"""Says one line of progress to a person."""
INSTALL_S = 900.0
VERSION_S = 60.0
ENDING_S = 2.0
"""What was told to end when the product was removed has so long to do it: that is part of the step."""
AGAIN_S = 300.0
"""For a step that the lab repeats."""
FORGING_MODES = (Mode.SINK, Mode.REPLAY)
"""In which the lab answers."""
ENDS = (StepKind.STOP, StepKind.UNINSTALL)
USES = (StepKind.SCAN, StepKind.SCAN_DETECTION, StepKind.ON_ACCESS)
"""Steps in which a product uses what its updates brought."""
MAX_TOLD = 100
"""Characters of a command, or of what it said, that a line of progress shows."""
LAST_BYTES = 2000
MAX_LINE_BYTES = 1 << 16
"""Of a line of output: what is longer is looked at in parts."""


class Place(Protocol):
    """Where steps run: a chamber, or a virtual machine."""

    def execute(self, command: Command, output: Path) -> Ended:
        """As `Chamber.execute` says."""


class Exercise:
    """Runs steps in their place; `done` grows with each."""

    def __init__(
        self,
        place: Place,
        task: Task,
        environment: Mapping[str, str],
        forging: Forging,
        zero_s: float,
        tell: Tell,
    ) -> None:
        self.done: list[StepRun] = []
        self._forging, self._repeating = forging, False
        self._place, self._task, self._zero_s, self._tell = place, task, zero_s, tell
        path = ":".join(part for part in (task.prepared.path_prefix, PATH) if part)
        self._environment = {**environment, "PATH": path, **task.profile.chamber.environment}

    def installation(self) -> Iterator[Step]:
        """What installs it; nothing, where it is installed already."""
        if self._task.installed is None:
            for command in self._task.prepared.commands:
                yield Step(StepKind.INSTALL, command, timeout_s=INSTALL_S)

    def rest(self, keeps_forged: Callable[[], bool]) -> Iterator[Step]:
        """The question for its version, and what the profile exercises. Before the product is stopped or removed, its
        updates once more, forged; and where it kept one of these, one more use of it, to see whether it is used."""
        if version := self._task.profile.product.version:
            user = self._task.profile.step[0].user
            yield Step(StepKind.COMMAND, version, user=user, timeout_s=VERSION_S, expect=())
        steps, end = _divided(self._task.profile.step)
        yield from steps
        if self._task.mode in FORGING_MODES:
            self._repeating = True
            with self._forging.going_on():
                yield from _once_more(steps, (StepKind.UPDATE,))
            if keeps_forged():
                yield from _once_more(steps, USES)
            self._repeating = False
        yield from end

    def run(self, step: Step) -> None:
        """Run one step to its end, or, in the background, until it had its time to get ready. Raises `ConductError`."""
        number = len(self.done) + 1
        output = f"output/{number}.txt"
        path = self._task.folder.path / output
        argv = filled(step.command, f"step {number}")
        forged = ", forged" if self._forging.now else ""
        self._tell(f"step {number}, {step.kind}{forged}: {shortened(' '.join(argv), MAX_TOLD)}")
        began = self._now()
        command = Command(
            argv,
            env={**self._environment, **step.environment},
            cwd=f"/home/{step.user}" if step.user != "root" else "/root",
            user=step.user,
            timeout_s=step.timeout_s,
            background=step.background,
            capabilities=self._granted(step.kind),
        )
        ended = self._place.execute(command, path)
        if step.kind is StepKind.UNINSTALL:
            time.sleep(ENDING_S)
        status = ended.exit_status
        going_on = step.background and status is None and not ended.timed_out
        found = _line_with(step.finds, path) if step.finds else ""
        expected = going_on or (status is not None and (not step.expect or status in step.expect))
        if not expected:
            how = f"did not end within {step.timeout_s:g} s" if ended.timed_out else f"ended with {status}"
            self._tell(f"step {number} {how}, which the profile does not expect; it said: {_last_line(path)}")
        elif step.finds and not found:
            self._tell(f"step {number} told of no detection: what it printed has no line with {step.finds!r}")
        self.done.append(
            StepRun(
                number=number,
                kind=step.kind,
                command=argv,
                began_s=began,
                ended_s=self._now(),
                exit_status=status,
                timed_out=ended.timed_out,
                expected=expected and (not step.finds or bool(found)),
                output=output,
                found=found,
                repeated=self._repeating,
            )
        )

    def _granted(self, kind: StepKind) -> tuple[str, ...] | None:
        """What it declares that it needs, and no more: that it works shows that this is all. None where it declares
        nothing, and where not the product but a package manager is at work."""
        return None if kind in NOT_THE_PRODUCT else self._task.profile.scope_of(kind).privileges or None

    def _now(self) -> float:
        return round(time.monotonic() - self._zero_s, 6)


def _divided(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step]]:
    """What is exercised, and how it ends."""
    last = max((at for at, step in enumerate(steps) if step.kind not in ENDS), default=-1)
    return steps[: last + 1], steps[last + 1 :]


def _once_more(steps: Sequence[Step], kinds: Sequence[StepKind]) -> Iterator[Step]:
    """The lab's own repetition: nobody said how it would end. What goes on in the background goes on already."""
    for step in steps:
        if step.kind in kinds and not step.background:
            yield msgspec.structs.replace(step, expect=(), finds="", timeout_s=min(step.timeout_s, AGAIN_S))


def _line_with(words: str, output: Path) -> str:
    """The first line that has these words, shortened; empty if none has."""
    with open(output, "rb") as stream:
        while part := stream.readline(MAX_LINE_BYTES):
            if words in (line := part.decode("utf-8", "replace").strip()):
                return shortened(line)
    return ""


def _last_line(output: Path) -> str:
    """The last words of a step, for a person to see what was wrong."""
    with open(output, "rb") as stream:
        stream.seek(max(0, output.stat().st_size - LAST_BYTES))
        lines = stream.read().decode("utf-8", "replace").split("\n")
    return shortened(next((line.strip() for line in reversed(lines) if line.strip()), "nothing"), MAX_TOLD)
