"""A whole report's evidence: prepare the product, run it in its chambers, search and compare what was caught."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overt.conduct.chamber import preflight, products, warden
from overt.conduct.chamber.products import Prepared
from overt.conduct.chamber.system import LIVE, look
from overt.conduct.compare import arms as comparing
from overt.conduct.evidence.folder import PROFILE, ReportFolder, RunFolder
from overt.conduct.evidence.records import Mode, Subject, System
from overt.conduct.profile import filled
from overt.conduct.report.verify import search_run
from overt.conduct.session import machine, ownchannel
from overt.conduct.session.arms import PlannedRun, planned
from overt.conduct.session.exercise import Tell
from overt.conduct.session.observed import observe
from overt.conduct.session.task import Housing, Task
from overt.conduct.session.wanted import Wanted, check
from overt.conduct.sink.forgery import FORGED
from overt.core.errors import ConductError

MAX_VERSION_BYTES = 4096
"""Read of what that command printed."""
MAX_VERSION_CHARACTERS = 400
VERSION = re.compile(r"(\S+ ){0,3}v?\d+(\.\d+)+\S{0,20}")
"""A line that tells nothing else."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the run's hosts serve, and what is shown at `{files}`."""

    replay: Mapping[str, Path]
    files: Path | None


def ready(wanted: Wanted) -> None:
    """Whether it can be made. Raises `UsageError` for what can't be asked, `ConductError` when the lab can't do it
    here."""
    check(wanted)
    asked = wanted.machine
    lacking = machine.missing(asked, wanted.snapshot) if asked else preflight.missing(wanted.trace)
    if lacking:
        raise ConductError("the lab can't run here, it lacks\n  " + "\n  ".join(lacking))


def make(wanted: Wanted, state: Path, tell: Tell) -> ReportFolder:
    """Make the evidence of a report. `state` is a folder of the lab's own: what is in it belongs to a run under way, or
    to one that died, whose remains are removed.

    Raises as `ready`.
    """
    ready(wanted)
    for name in warden.sweep(state):
        tell(f"removed what a run that died had left: {name}")
    with warden.held(state) as work:
        return _make(wanted, state, work, tell)


def _make(wanted: Wanted, state: Path, work: Path, tell: Tell) -> ReportFolder:
    profile = wanted.profile
    tell(f"preparing {profile.product.name} (--seed {wanted.seed} plants the same again)")
    housing = _housing(wanted, work, tell)
    root = housing.root if housing else wanted.snapshot or LIVE
    prepared = products.prepare(profile.install, wanted.file.resolve().parent, work, root)
    served = _served(wanted, work)
    system = look(root)
    folder = ReportFolder(wanted.out)
    folder.evidence.mkdir(parents=True)
    shutil.copyfile(wanted.file, folder.evidence / PROFILE)
    runs = planned(wanted.runs, wanted.differential, wanted.seed)
    for number, one in enumerate(runs, 1):
        tell(f"run {number} of {len(runs)} ({one.name})")
        where, installed = folder.new_run(one.name), work / "installed"
        fresh = number == 1 or housing is not None  # a machine's disk is made anew for each run
        task = _task(wanted, prepared, served, root, system, one, where, installed, fresh)
        out = wanted.mode is Mode.PASS_THROUGH
        make = partial(machine.observe, task, housing) if housing else partial(observe, task)
        warden.in_warden(partial(make, tell), state, uplink=out)
    for run in folder.runs():
        tell(f"searching what left in {run.path.name}")
        search_run(run, run)
    folder.write_compared(comparing.compare(folder.runs()))
    subject = _subject(wanted, prepared, folder)
    if profile.product.version and not subject.version:
        tell(f"its version is not known: {' '.join(profile.product.version)} told none")
    folder.write_subject(subject)
    _make_readable(folder)
    return folder


def _make_readable(folder: ReportFolder) -> None:
    """The sink keeps its files to itself while it runs; whoever may read a report may read them all then, so that it
    can be checked without root."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.evidence.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o444 & ~mask))


def _housing(wanted: Wanted, work: Path, tell: Tell) -> Housing | None:
    asked = wanted.machine
    return machine.house(asked, wanted.profile.install, wanted.snapshot, work, tell) if asked else None


def _task(
    wanted: Wanted,
    prepared: Prepared,
    served: Served,
    root: Path,
    system: System,
    one: PlannedRun,
    folder: RunFolder,
    installed: Path,
    first: bool,
) -> Task:
    return Task(
        profile=wanted.profile,
        prepared=prepared,
        planned=one,
        folder=folder,
        mode=wanted.mode,
        replay=served.replay,
        files=served.files,
        pairs=wanted.pairs,
        trace=wanted.trace,
        root=root,
        system=system,
        keep=installed if first else None,
        installed=None if first else installed,
    )


def _served(wanted: Wanted, work: Path) -> Served:
    """Raises `ConductError` when the profile names a folder that is not there."""
    room, base = wanted.profile.chamber, wanted.file.resolve().parent
    replay = {host: base / folder for host, folder in room.replay.items()}
    files = base / room.files if room.files else None
    for folder in (*replay.values(), *([files] if files else ())):
        if not folder.is_dir():
            raise ConductError(f"{folder}: not there, and {wanted.file} names it in [chamber]")
    if room.channel:
        made = ownchannel.found(work / "channel", room.channel)
        replay |= {room.channel: made.tree, FORGED + room.channel: made.forged}
        files = _with(made.root, files, work / "files")
    return Served(replay if wanted.mode is Mode.REPLAY else {}, files)


def _with(root: Path, files: Path | None, target: Path) -> Path:
    """A folder with the channel's root beside the profile's own files."""
    if files is not None:
        shutil.copytree(files, target)
    target.mkdir(exist_ok=True)
    shutil.copyfile(root, target / "root.json")
    return target


def _subject(wanted: Wanted, prepared: Prepared, folder: ReportFolder) -> Subject:
    product = wanted.profile.product
    return Subject(
        name=product.name,
        maker=product.maker,
        homepage=product.homepage,
        version=_version(wanted, folder.runs()) if product.version else "",
        packages=prepared.subject,
    )


def _version(wanted: Wanted, runs: list[RunFolder]) -> str:
    """What the command told, in the first run in which it did."""
    version = filled(wanted.profile.product.version, "version")
    steps = ((run.path / step.output, step) for run in runs for step in run.run().steps)
    for output, step in steps:
        if step.command == version:
            with contextlib.suppress(OSError), open(output, "rb") as stream:
                printed = stream.read(MAX_VERSION_BYTES).decode("utf-8", "replace")
                if told := version_in(printed, step.exit_status == 0):
                    return told[:MAX_VERSION_CHARACTERS]
    return ""


def version_in(printed: str, ended_well: bool) -> str:
    """The first line; of a command that ended badly, as some do that were asked for their version, the first that
    is a few words and a version number. Empty: it was not told."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return next((line for line in lines if ended_well or VERSION.fullmatch(line)), "")
