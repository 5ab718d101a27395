"""What is asked of the lab: everything that decides how a report is made, before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from overt.conduct.canary.plan import MAX_PAIRS
from overt.conduct.chamber import plan
from overt.conduct.chamber.privileges import NUMBERS
from overt.conduct.evidence.records import Mode
from overt.conduct.profile import Debian, Machine, Overt, Present, Profile, Wheel, clock
from overt.conduct.session.arms import SEEDS
from overt.core.errors import UsageError

MAX_RUNS = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report to make."""

    profile: Profile
    file: Path
    """Where the profile was read from; its relative paths are from there."""
    out: Path
    """The report's folder, which must not exist or be empty."""
    seed: int
    mode: Mode
    let_out: str = ""
    """For pass-through: the product's name, typed by its owner."""
    runs: int = 1
    differential: int = 0
    pairs: int = 16
    trace: bool = True
    snapshot: Path | None = None
    """Root file system to run on; None: the machine's own, below an overlay, or a new one in a virtual machine."""
    clock: str = ""
    """What the clock of a virtual machine shall show; empty: what the profile says, which may want no such machine."""

    @property
    def machine(self) -> Machine | None:
        """The virtual machine to run in, if any."""
        asked = self.profile.machine
        if not self.clock:
            return asked
        return msgspec.structs.replace(asked or Machine(), clock=self.clock)


def check(wanted: Wanted) -> None:
    """Raises `UsageError` for what can't be done, before anything is."""
    for name, value, least, most in (
        ("--runs", wanted.runs, 1, MAX_RUNS),
        ("--differential", wanted.differential, 0, MAX_RUNS),
        ("--pairs", wanted.pairs, 1, MAX_PAIRS),
        ("--seed", wanted.seed, 0, SEEDS - 1),
    ):
        if not least <= value <= most:
            raise UsageError(f"{name} {value}: it is between {least} and {most}")
    if wanted.differential == 1:
        raise UsageError("--differential 1: nothing can be compared from one run of each; 8 is a good number")
    _check_capabilities(wanted)
    if wanted.machine is not None:
        _check_machine(wanted, wanted.machine)
    product = wanted.profile.product.name
    if wanted.mode is Mode.PASS_THROUGH and wanted.let_out != product:
        raise UsageError(
            f"in pass-through mode what {product} sends really leaves this machine, canaries and all: "
            f"if you want that, say --let-it-out '{product}'"
        )
    if wanted.let_out and wanted.mode is not Mode.PASS_THROUGH:
        raise UsageError("--let-it-out goes with --mode pass-through")
    if wanted.mode is Mode.REPLAY and not wanted.profile.chamber.recorded:
        raise UsageError(f"{wanted.file}: it has nothing to replay: see [chamber] replay, or use --mode sink")
    if wanted.out.exists() and (not wanted.out.is_dir() or any(wanted.out.iterdir())):
        raise UsageError(f"{wanted.out} is there already: name another folder with --out")
    if wanted.snapshot and not (wanted.snapshot / "usr").is_dir():
        raise UsageError(f"{wanted.snapshot}: a root file system has a folder usr; this has none")


def _check_capabilities(wanted: Wanted) -> None:
    """A name that nobody knows would declare nothing; what no chamber gives is not asked of one."""
    room = wanted.profile.chamber
    declared = {name for scope in wanted.profile.scope for name in scope.privileges}
    if unknown := sorted((declared | set(room.capabilities)) - set(NUMBERS)):
        raise UsageError(
            f"{wanted.file}: no such capability: {', '.join(unknown)}: capabilities(7) lists them"
        )
    if wanted.machine is None and (why := plan.refusal(room.capabilities, room.mounts)):
        raise UsageError(f"{wanted.file}: [chamber]: {why}")


def _check_machine(wanted: Wanted, machine: Machine) -> None:
    """What can't come into a virtual machine, or can't be installed there."""
    clock(machine.clock, datetime.now(UTC), "--clock" if wanted.clock else f"{wanted.file}: [machine] clock")
    how = type(wanted.profile.install)
    if how in (Present, Overt):
        raise UsageError(
            f"{wanted.file}: what is installed on this machine can't be moved into a virtual one: let the profile's "
            "[install] say how it gets there, as debian, archive, wheel, folder or script"
        )
    if machine.system == "minimal" and wanted.snapshot is None and how in (Debian, Wheel):
        raise UsageError(
            f"{wanted.file}: the minimal system has no dpkg and no Python to install it with: "
            '[machine] system = "debian" has'
        )
