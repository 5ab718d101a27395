"""One run to make: everything that the warden needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.chamber.products import Prepared
from overt.conduct.chamber.vm.image import Parts
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Mode, System
from overt.conduct.profile import Machine, Profile
from overt.conduct.session.arms import PlannedRun
from overt.conduct.sink.plan import SinkPlan


@dataclass(frozen=True, slots=True)
class Housing:
    """A virtual machine for every run."""

    asked: Machine
    parts: Parts
    root: Path
    """The system that its disk is made from."""
    emulator: str


@dataclass(frozen=True, slots=True)
class Task:
    """One run to make."""

    profile: Profile
    prepared: Prepared
    planned: PlannedRun
    folder: RunFolder
    mode: Mode
    replay: Mapping[str, Path]
    files: Path | None
    """Shown to the product at `{files}`."""
    pairs: int
    trace: bool
    root: Path
    system: System
    """What `root` is."""
    keep: Path | None = None
    """Where what was installed is kept, for later runs."""
    installed: Path | None = None
    """What an earlier run kept: then there is nothing to install."""

    @property
    def sink(self) -> SinkPlan:
        """What answers the product."""
        records = self.profile.chamber.dns if self.mode is Mode.REPLAY else ()
        return SinkPlan(self.mode, replay=self.replay, records=records)
