"""A scan session end to end: this process becomes the reader, confined for good, and stays it.

Order matters: everything trusted is loaded and every process is started first; then the reader is locked down; only
then is the first user file opened.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from overt.core.errors import ConfinementError
from overt.core.model import Examination, FileReport, Gap, Reason, Summary, Verdict
from overt.engine.examine import Examiner
from overt.engine.matcher import Matcher
from overt.engine.warm import warm_up
from overt.sandbox.lockdown import lock, open_sockets
from overt.sandbox.nursery import Nursery, Serve
from overt.sandbox.policy import READER
from overt.scan import cache, counter
from overt.scan.arsenal import Arsenal, load
from overt.scan.examiner import serve
from overt.scan.ignore import IgnoredRules
from overt.scan.keeper import Keeper, Places
from overt.scan.mounts import read_mounts
from overt.scan.pool import Outcome, Pool, Task
from overt.scan.request import Progress, Request, Sink
from overt.scan.walk import Chunk, Walk, gap_of
from overt.scan.wire import MAX_NAME_BYTES, Job
from overt.store.paths import paths

TICK_S = 0.1
"""How often progress is told and deadlines are looked at when nothing else happens."""
LITTLE_FILES = 16
LITTLE_BYTES = 8 << 20
"""Up to so many files, named one by one, of so many bytes together, rules are loaded as they are stored."""
STDIN_NAME = "(standard input)"
OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def run(request: Request, sinks: Sequence[Sink], ready: Callable[[], None] = lambda: None) -> Summary:
    """Scan as asked and tell `sinks`. Confines the calling process irreversibly (not with `unconfined`).

    `ready` is called, once or more and after lock-down, when nothing can refuse the session any more: everything is
    confined and the rules are loaded. It is the moment to empty the files that the sinks write; before it, sinks may
    already be told of files whose verdict needed no examiner.

    Raises `ConfinementError` before anything untrusted is opened, `PackError` when there are no rules to use,
    `UsageError` for a request that cannot be carried out. Ctrl-C and SIGTERM end it cleanly: the summary says so.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the walk goes as deep as there are descriptors
    arsenal = load(request.pack, request.unconfined)
    confined = not request.unconfined
    make = partial(_make, arsenal, request, _is_little(request))
    nursery = Nursery(make, request.limits.max_memory_bytes, confined, warm_up)
    keeper, known = _keeper(request, arsenal, confined)
    mounts = read_mounts()
    walk = Walk(request, mounts)
    totals_fd = counter.start(request, mounts) if any(sink.shows_progress for sink in sinks) else -1
    if confined:
        _become_reader((*nursery.descriptors, *(keeper.descriptors if keeper else ())))
    workers = request.workers or len(os.sched_getaffinity(0))
    pool = Pool(nursery, workers, request.limits.deadline_s, ready)
    return _Session(request, sinks, arsenal, walk, pool, keeper, known, totals_fd).run(ready)


def _is_little(request: Request) -> bool:
    """Whether so little is scanned that it is over before the rules could be compiled to one scanner."""
    if request.files_from is not None or len(request.targets) > LITTLE_FILES:
        return False
    return (
        all(map(os.path.isfile, request.targets))
        and sum(map(os.path.getsize, request.targets)) < LITTLE_BYTES
    )


def _make(arsenal: Arsenal, request: Request, hasty: bool) -> Serve:
    """In the nursery: load the rules, once for all examiners. Raises `PackError`."""
    examiner = Examiner(Matcher(arsenal.pack, hasty), arsenal.hashes, request.limits, request.passwords)
    return partial(serve, examiner=examiner)


def _keeper(
    request: Request, arsenal: Arsenal, confined: bool
) -> tuple[Keeper | None, cache.CacheReader | None]:
    """Start the keeper if there is anything to keep, and open what it remembers for reading."""
    if not (request.cache or request.quarantine):
        return None, None
    where = paths()
    generation = cache.generation(arsenal.identity, request.limits, request.passwords)
    keeper = Keeper(
        Places(
            cache=str(where.cache) if request.cache else "",
            generation=generation,
            vault=str(where.vault) if request.quarantine else "",
        ),
        confined,
    )
    return keeper, cache.CacheReader(Path(keeper.cache_path)) if keeper.cache_path else None


def _become_reader(own: tuple[int, ...]) -> None:
    """Lock this process down; what it has open besides sockets stays open. Raises `ConfinementError`."""
    standing = open_sockets()
    for fd, family in standing.items():
        if fd not in own and family != socket.AF_UNIX and fd <= 2:
            raise ConfinementError(
                f"descriptor {fd} is a network socket, and the reader must not have one: pipe through cat"
            )
    strangers = {fd for fd in standing if fd > 2 and fd not in own}
    everything = {int(name) for name in os.listdir("/proc/self/fd")}
    lock(READER, everything - strangers)


@dataclass(slots=True)
class _Folder:
    """The files of one chunk that still have to come back before its record can be stored."""

    key: cache.Key
    known: dict[str, cache.Known]
    waiting: int = 0
    changed: bool = False


@dataclass(slots=True)
class _Subject:
    """One file handed to the pool."""

    path: str
    name: str
    before: os.stat_result
    opened: float
    folder: _Folder | None


@dataclass(slots=True)
class _Session:
    """The running counts of one session and its loop."""

    request: Request
    sinks: Sequence[Sink]
    arsenal: Arsenal
    walk: Walk
    pool: Pool
    keeper: Keeper | None
    known: cache.CacheReader | None
    totals_fd: int
    began: float = field(default_factory=time.monotonic)
    counts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    cached: int = 0
    quarantined: int = 0
    bytes_done: int = 0
    bytes_examined: int = 0
    bytes_unpacked: int = 0
    stop: bool = False
    totals: tuple[int, int] = (0, 0)
    told: float = 0.0
    ids: Iterator[int] = field(default_factory=itertools.count)
    remembers_all: bool = True
    ignored_rules: IgnoredRules = field(init=False)

    def __post_init__(self) -> None:
        self.ignored_rules = IgnoredRules(self.request.ignore_rules)

    def run(self, ready: Callable[[], None]) -> Summary:
        """Until everything asked for has an outcome, or somebody said stop."""
        self.remembers_all = any(sink.every_file for sink in self.sinks)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        try:
            self._loop()
        finally:
            if self.keeper is not None:
                self.keeper.close()
            self.pool.close()
        summary = self._summary()
        ready()
        for sink in self.sinks:
            sink.finish(summary)
        return summary

    def _on_signal(self, number: int, frame: object) -> None:
        self.stop = True

    def _loop(self) -> None:
        work = self._work()
        more = True
        while (more or self.pool.busy) and not self.stop:
            while more and self.pool.hungry and not self.stop:
                more = next(work, None) is not None
                self._tell()
            if self.pool.busy:
                for outcome in self.pool.outcomes(TICK_S):
                    self._finish(outcome)
            self._tell()
        for task in self.pool.abandon():
            gap = Gap(Reason.INTERRUPTED, "the scan was stopped")
            self._finish(Outcome(task, Examination(gaps=(gap,)), 0.0, lasting=False))

    def _work(self) -> Iterator[bool]:
        """Hands files to the pool or reports what needs no examination; yields after each, so that the loop can
        look after the pool."""
        if "-" in self.request.targets:
            self._submit(os.dup(0), Job(next(self.ids), -1, STDIN_NAME.encode()), None)
            yield True
        for found in self.walk:
            if isinstance(found, Chunk):
                yield from self._chunk(found)
            else:
                self._report(FileReport(found.path, Examination(gaps=(found.gap,))))
                yield True

    def _chunk(self, chunk: Chunk) -> Iterator[bool]:
        folder = None
        remembered: dict[str, cache.Known] = {}
        if self.known is not None and chunk.key is not None:
            key = chunk.key
            if "filepath" in self.arsenal.pack.externals:  # a verdict may hang on the path
                key = cache.with_path(key, chunk.folder)
            remembered = self.known.lookup(key)
            folder = _Folder(key, {}, changed=False)
            folder.waiting = 1  # the chunk itself, until all its files were handed out
        for name, status in chunk.files:
            value = remembered.get(name)
            if value is not None and folder is not None and cache.same(value, status, folder.key):
                folder.known[name] = value
                self._recall(chunk, name, status, value)
            else:
                self._open(chunk, name, folder)
                yield True
        if folder is not None:
            folder.changed |= len(folder.known) != len(remembered)
            self._settle(folder)
        yield True

    def _recall(self, chunk: Chunk, name: str, status: os.stat_result, value: cache.Known) -> None:
        """Serve one verdict from the cache."""
        self.cached += 1
        self.bytes_done += status.st_size
        if not value[5] and not self.remembers_all:
            self.counts[Verdict.CLEAN] += 1
            return
        examination = cache.remembered(value)
        report = FileReport(chunk.path(name), examination, status.st_size, cached=True)
        self._report(self.ignored_rules.applied(report))

    def _open(self, chunk: Chunk, name: str, folder: _Folder | None) -> None:
        path = chunk.path(name)
        at = None if not chunk.folder else chunk.folder_fd
        nofollow = os.O_NOFOLLOW if at is not None and not self.request.follow_symlinks else 0
        try:
            fd = os.open(name, OPEN_FLAGS | nofollow, dir_fd=at)
        except OSError as error:
            self._report(FileReport(path, Examination(gaps=(gap_of(error),))))
            return
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):  # replaced since the walk saw it
            os.close(fd)
            self.walk.tally.not_files += 1
            return
        job = Job(next(self.ids), status.st_size, os.fsencode(path)[-MAX_NAME_BYTES:])
        self._submit(fd, job, _Subject(path, name, status, time.time(), folder))
        if folder is not None:
            folder.waiting += 1

    def _submit(self, fd: int, job: Job, subject: _Subject | None) -> None:
        if subject is None:
            subject = _Subject(STDIN_NAME, STDIN_NAME, os.fstat(fd), time.time(), None)
        self.pool.submit(Task(job, fd, subject))

    def _finish(self, outcome: Outcome) -> None:
        """One file came back: check that it stood still, quarantine, remember, report."""
        subject = outcome.task.subject
        assert isinstance(subject, _Subject)
        fd = outcome.task.fd
        try:
            examination, steady = outcome.examination, True
            after = os.fstat(fd)
            if outcome.task.job.size >= 0 and _moved(subject.before, after):
                steady = False
                changed = Gap(Reason.CHANGED, "it changed while it was examined: scan it again")
                examination = replace(examination, gaps=(*examination.gaps, changed))
            found = FileReport(subject.path, examination, subject.before.st_size, outcome.elapsed_s)
            report = self.ignored_rules.applied(found)
            if report.verdict is Verdict.INFECTED and self.request.quarantine:
                report = self._quarantine(report, fd, subject.before)
            self._remember(subject, examination, steady and outcome.lasting)
            self.bytes_done += subject.before.st_size
            self._report(report)
        finally:
            os.close(fd)

    def _quarantine(self, report: FileReport, fd: int, status: os.stat_result) -> FileReport:
        assert self.keeper is not None
        if report.path == STDIN_NAME:
            return report
        answer = self.keeper.seal(fd, report.path, status, report.examination.findings)
        if answer.id:
            self.quarantined += 1
            return replace(report, quarantined=answer.id, quarantine_error=_remaining(answer.other_names))
        return replace(report, quarantine_error=answer.error)

    def _remember(self, subject: _Subject, examination: Examination, lasting: bool) -> None:
        folder = subject.folder
        if folder is None:
            return
        old_enough = subject.opened - subject.before.st_ctime_ns / 1e9 >= self.request.cache_after_s
        same_device = subject.before.st_dev == folder.key[0]  # a link or a mount may lead elsewhere
        if lasting and old_enough and same_device and examination.verdict is not Verdict.INFECTED:
            folder.known[subject.name] = cache.known(subject.before, examination)
            folder.changed = True
        self._settle(folder)

    def _settle(self, folder: _Folder) -> None:
        """One less to wait for; the last one stores the record."""
        folder.waiting -= 1
        if folder.waiting == 0 and folder.changed and self.keeper is not None:
            with contextlib.suppress(OSError):
                self.keeper.store(folder.key, cache.encode(folder.known))

    def _report(self, report: FileReport) -> None:
        examination = report.examination
        self.counts[examination.verdict] += 1
        if not report.cached:
            self.bytes_examined += examination.bytes_examined
            self.bytes_unpacked += examination.bytes_unpacked
        for sink in self.sinks:
            sink.file(report)

    def _tell(self) -> None:
        now = time.monotonic()
        if self.totals_fd < 0 or now - self.told < TICK_S:
            return
        self.told = now
        self.totals = counter.latest(self.totals_fd, self.totals)
        progress = Progress(sum(self.counts.values()), self.bytes_done, *self.totals, now - self.began)
        for sink in self.sinks:
            if sink.shows_progress:
                sink.progress(progress)

    def _summary(self) -> Summary:
        return Summary(
            clean=self.counts[Verdict.CLEAN],
            infected=self.counts[Verdict.INFECTED],
            incomplete=self.counts[Verdict.INCOMPLETE],
            excluded=self.walk.tally.excluded,
            not_files=self.walk.tally.not_files,
            links=self.walk.tally.links,
            cached=self.cached,
            quarantined=self.quarantined,
            bytes_examined=self.bytes_examined,
            bytes_unpacked=self.bytes_unpacked,
            elapsed_s=time.monotonic() - self.began,
            interrupted=self.stop,
            confinement="unconfined" if self.request.unconfined else "confined",
            packs=self.arsenal.pack.names,
            rules=len(self.arsenal.pack.records),
            hashes=self.arsenal.hashes.count,
            stale=self.request.stale,
            notices=self.request.notices,
        )


def _remaining(other_names: int) -> str:
    """What a quarantined file's hard links mean; empty when it had none."""
    if other_names == 1:
        return "1 other name of it (a hard link) remains"
    return f"{other_names} other names of it (hard links) remain" if other_names else ""


def _moved(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file's content may have changed between two looks at the same descriptor."""
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) != (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
