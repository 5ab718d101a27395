"""Which programs run: one number for each program in each process, from the first sign of it to its end.

When a program is about to be replaced by another (exec) the kernel asks before the new program's file is opened, so
that its path and digest are known; and it asks again when the new program, or its loader, opens its first file: then
/proc shows the new arguments. A program that opens nothing at all is numbered when its process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from overt.conduct.observe.images import Identity, Image, Kin, identify, image_of
from overt.conduct.observe.raw import RawProcess
from overt.conduct.observe.tally import printable

LAB = -1
"""Instead of a number: a process of the lab's own."""
MAX_ANCESTORS = 40_000
"""More than Linux numbers processes by default."""
MAX_REMEMBERED = 30_000
"""Ended processes: fewer than numbers that are given before one is given again."""
MAX_FILES = 64
"""Of one announcement: a script names its interpreter, that one perhaps another; more are execs that fail."""
MAX_CHECKS = 50
"""Of whether an exec took place: events of other threads may come before it does."""


@dataclass(slots=True)
class Coming:
    """An exec that was announced: files were opened for it."""

    before: Image
    kin: Kin
    user: int
    at_s: float
    files: list[tuple[str, str, float]] = field(default_factory=list)
    """(path, digest, when)."""
    checks: int = MAX_CHECKS
    opening: str = ""
    """What the kernel opens next, after it was announced."""


@dataclass(slots=True)
class Resident:
    """One program in one process."""

    number: int
    identity: Identity
    parent: int | None
    at_s: float
    sha256: str


@dataclass(slots=True)
class Residents:
    """All that are known and alive."""

    own_depth: int
    """In how many process namespaces the observer itself is: whoever is in no more is of the lab."""
    everyone: bool
    """Whether processes in the observer's own namespace count as the product's (nothing is the lab's)."""
    met: Callable[[int], None]
    """Told of each process number when it is first seen: so that its end will be told."""
    write: Callable[[RawProcess], None]
    executed: Callable[[int, str, float], None]
    """Told of (number, path, when) for each file that was executed."""
    _alive: dict[int, Resident] = field(default_factory=dict)
    _coming: dict[int, Coming] = field(default_factory=dict)
    _lab: dict[int, Image] = field(default_factory=dict)
    _latest: dict[int, int] = field(default_factory=dict)
    """The last number of each process, also after its end."""
    _last: int = 0

    def number(self, pid: int, at_s: float, opening: str = "") -> int | None:
        """Of the program that runs in `pid`, which waits; `LAB`, or None when it is gone. `opening`: what it opens;
        when that is an exec's own opening, which follows each announcement once, it is nobody's."""
        coming = self._coming.get(pid)
        if coming is None:
            if (known := self._alive.get(pid)) is not None:
                return known.number
            if pid in self._lab:
                return LAB
        elif opening and coming.opening == opening:
            coming.opening = ""
            return LAB
        return self._look(pid, at_s)

    def announced(self, pid: int, path: str, digest: str, at_s: float) -> None:
        """`pid` opens `path` in order to execute it. Raises `OSError` when it is gone."""
        coming = self._coming.get(pid)
        if coming is None:
            kin, image = image_of(pid)
            if pid not in self._alive and pid not in self._lab:
                self.met(pid)
            user = os.stat(f"/proc/{pid}").st_uid
            coming = self._coming[pid] = Coming(image, kin, user, at_s)
        elif len(coming.files) >= MAX_FILES and (number := self._look(pid, at_s)) is not None:
            if (coming := self._coming.get(pid)) is None:
                return self.announced(pid, path, digest, at_s)
            self._kept(coming, number)
        coming.files.append((path, digest, at_s))
        coming.opening = path

    def ended(self, pid: int, at_s: float) -> None:
        """The process is over; it may have run a program that never opened a file."""
        coming, known = self._coming.pop(pid, None), self._alive.pop(pid, None)
        if known is not None:
            self._write(known, at_s)
        if coming is not None:
            self._unseen(pid, coming, known, at_s)
        self._lab.pop(pid, None)

    def close(self) -> None:
        """Write those that go on."""
        for pid, coming in list(self._coming.items()):
            number = self._look(pid, coming.at_s)
            if number is not None and pid in self._coming:
                self._kept(coming, number)
        for known in self._alive.values():
            self._write(known, None)
        self._alive.clear()

    def _look(self, pid: int, at_s: float) -> int | None:
        identity = identify(pid)
        if identity is None:
            return None
        coming, known = self._coming.get(pid), self._alive.get(pid)
        if coming is not None and identity.image[0] and identity.image != coming.before:
            del self._coming[pid]
            return self._replaced(identity, coming, known)
        number = self._begun(identity, at_s, coming is None) if known is None else known.number
        if coming is not None:
            self._not_yet(pid, coming, number)
        return number

    def _replaced(self, identity: Identity, coming: Coming, known: Resident | None) -> int:
        """An exec took place."""
        if known is not None:
            self._write(known, coming.at_s)
        self._lab.pop(identity.pid, None)
        if self._is_lab(identity):
            self._alive.pop(identity.pid, None)
            self._lab[identity.pid] = identity.image
            return LAB
        digests = {path: digest for path, digest, _ in coming.files}
        parent = known.number if known is not None else self._parent(identity.pid, coming.kin, coming.at_s)
        number = self._add(identity, parent, coming.at_s, digests.get(identity.image[0], ""))
        for path, _, at_s in coming.files:
            self.executed(number, path, at_s)
        return number

    def _not_yet(self, pid: int, coming: Coming, number: int) -> None:
        coming.checks -= 1
        if coming.checks <= 0:
            del self._coming[pid]
            self._kept(coming, number)

    def _kept(self, coming: Coming, number: int) -> None:
        """The exec failed: what was opened for it was opened by the program that is still there."""
        if number != LAB:
            for path, _, at_s in coming.files:
                self.executed(number, path, at_s)
        coming.files.clear()

    def _begun(self, identity: Identity, at_s: float, new: bool) -> int:
        """A process that is seen for the first time: it runs what its parent ran when it began."""
        if new:
            self.met(identity.pid)
        parent = self._parent(identity.pid, identity.kin, at_s)
        if self._is_lab(identity):
            self._lab[identity.pid] = identity.image
            return LAB
        above = self._alive.get(identity.kin.parent)
        same = above is not None and above.identity.image == identity.image
        return self._add(identity, parent, at_s, above.sha256 if same and above is not None else "")

    def _add(self, identity: Identity, parent: int | None, at_s: float, sha256: str) -> int:
        self._last += 1
        self._latest.pop(identity.pid, None)
        self._latest[identity.pid] = self._last
        if len(self._latest) > MAX_REMEMBERED:
            del self._latest[next(iter(self._latest))]
        self._alive[identity.pid] = Resident(self._last, identity, parent, at_s, sha256)
        return self._last

    def _parent(self, pid: int, kin: Kin, at_s: float) -> int | None:
        """Who started `pid`, which need not have opened anything yet; those above it are met first. Where its parent
        ended and the lab's took it over, it is who leads, or led, its session or its group.
        """
        for ancestor in reversed(self._strangers(kin.parent)):
            self._look(ancestor, at_s)
        number = self.number(kin.parent, at_s) if kin.parent > 0 else None
        if number is not None and number != LAB:
            return number
        leaders = (leader for leader in (kin.group, kin.session) if leader not in (0, pid))
        return next((self._latest[leader] for leader in leaders if leader in self._latest), None)

    def _strangers(self, pid: int) -> list[int]:
        """`pid` and what is above it, up to the first that is known."""
        found: list[int] = []
        while pid > 0 and pid not in self._alive and pid not in self._lab and len(found) < MAX_ANCESTORS:
            found.append(pid)
            try:
                pid = image_of(pid)[0].parent
            except OSError:
                break
        return found

    def _is_lab(self, identity: Identity) -> bool:
        """The lab's own: outside of the product's process namespace, its first process, and what that became by
        forking without exec."""
        if self.everyone:
            return False
        depth = len(identity.names) - self.own_depth
        if depth < 1 or (depth == 1 and identity.names[-1] == 1):
            return True
        return self._lab.get(identity.kin.parent) == identity.image

    def _unseen(self, pid: int, coming: Coming, known: Resident | None, at_s: float) -> None:
        """It ended before it opened another file: whether the exec succeeded, only the call layer can tell."""
        if not coming.files:
            return
        path, digest, _ = coming.files[0]
        parent = known.number if known is not None else self._parent(pid, coming.kin, coming.at_s)
        before = known.identity if known is not None else None
        gone = Identity(
            pid=pid,
            kin=coming.kin,
            image=(path, "", ""),
            arguments=(),
            user=coming.user,
            capabilities=before.capabilities if before else (),
            names=(),
        )
        number = self._add(gone, parent, coming.at_s, digest)
        self._write(self._alive.pop(pid), at_s, certain=False)
        for file, _, when in coming.files:
            self.executed(number, file, when)

    def _write(self, resident: Resident, ended_s: float | None, certain: bool = True) -> None:
        identity = resident.identity
        self.write(
            RawProcess(
                number=resident.number,
                pid=identity.pid,
                parent=resident.parent,
                at_s=round(resident.at_s, 6),
                ended_s=None if ended_s is None else round(ended_s, 6),
                step=0,
                program=printable(identity.image[0]),
                sha256=resident.sha256,
                arguments=tuple(printable(word) for word in identity.arguments),
                user=identity.user,
                capabilities=identity.capabilities,
                inner_pid=identity.names[-1] if identity.names else 0,
                certain=certain,
            )
        )


def depth_of_this_process() -> int:
    """In how many nested process namespaces the caller is, as far as its /proc shows them."""
    identity = identify(os.getpid())
    if identity is None:
        raise OSError(f"/proc does not show process {os.getpid()}: is it of another process namespace?")
    return len(identity.names)
