"""One run to make: everything that the warden needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.chamber.products import Prepared
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Mode, System
from overt.conduct.profile import Profile
from overt.conduct.session.arms import PlannedRun


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
