"""`overt conduct check` and `overt conduct run`."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from overt.cli.conduct_reports import lines
from overt.cli.voice import Exit, note, say, visible
from overt.conduct import profile
from overt.conduct.chamber import preflight
from overt.conduct.chamber.warden import Terminated
from overt.conduct.evidence.folder import ANSWERS, ReportFolder
from overt.conduct.evidence.records import Mode
from overt.conduct.profile import Profile
from overt.conduct.report import signing, writing
from overt.conduct.session import lab
from overt.conduct.session.arms import SEEDS
from overt.conduct.session.wanted import Wanted
from overt.core.errors import ConductError
from overt.store.paths import paths


def check(args: argparse.Namespace) -> int:
    """What is missing, one line each."""
    lacking = preflight.missing()
    for line in lacking:
        say(f"missing: {line}")
    if lacking:
        return Exit.ERROR
    say("everything is there: 'overt conduct profiles' lists what can be run")
    return Exit.OK


def run(args: argparse.Namespace) -> int:
    """Make a report. Raises `OvertError`."""
    file = profile.find(args.profile)
    found = profile.read(file)
    wanted = Wanted(
        profile=found,
        file=file,
        out=args.out or Path(f"{file.stem}-report"),
        seed=secrets.randbelow(SEEDS) if args.seed is None else args.seed,
        mode=_mode(args.mode, found),
        let_out=args.let_it_out,
        runs=args.runs,
        differential=args.differential,
        pairs=args.pairs,
        trace=not args.no_trace,
        snapshot=args.snapshot,
        clock=args.clock,
    )
    lab.ready(wanted)  # before a key is made for whom it can't be
    key = signing.existing_key(args.key) if args.key else signing.lab_key(signing.key_file(paths().data))
    began = time.monotonic()
    with _unfinished(wanted.out):
        folder = lab.make(wanted, paths().data / "conduct", lambda line: _tell(line, began))
        _tell("writing the report", began)
        writing.write(folder, key, writing.now())
    for line in lines(folder):
        say(line)
    where = visible(str(folder.path))
    note(f"report: {where}/report.html; check it with 'overt conduct verify {where}'")
    return Exit.OK if _complete(folder) else Exit.ERROR


@contextlib.contextmanager
def _unfinished(out: Path) -> Iterator[None]:
    """Whoever ends it, or sees it fail, is told what is left of it."""
    begun = (out / "evidence").exists()
    try:
        yield
    except BaseException as error:
        if not begun and (out / "evidence").exists():
            (out / "evidence" / ANSWERS).unlink(missing_ok=True)  # by these it would be taken for a report
            note(
                f"no report was made: {visible(str(out))} holds what was recorded so far; remove it before the next try"
            )
        if isinstance(error, Terminated):
            raise ConductError(str(error)) from None
        raise


def _mode(asked: str | None, found: Profile) -> Mode:
    if asked:
        return Mode(asked)
    return Mode.REPLAY if found.chamber.recorded else Mode.SINK


def _complete(folder: ReportFolder) -> bool:
    """Whether the record has no gaps, as the report itself answers."""
    return all(one.good is not False for one in folder.answers() if one.question == "sight")


def _tell(line: str, began: float) -> None:
    note(f"{time.monotonic() - began:6.1f} s  {visible(line)}")
