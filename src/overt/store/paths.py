"""Where Overt keeps its own files: system-wide for root, under the XDG folders for everybody else.

Follows the XDG Base Directory Specification 0.8 and FHS 3.0. `OVERT_HOME`, if set, holds all of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders; none is created by naming it."""

    data: Path
    """Rule sources, the active pack, hash sets."""
    cache: Path
    """The verdict cache: losing it costs time only."""
    vault: Path
    """Quarantined files."""
    config: tuple[Path, ...]
    """Configuration files in reading order; a later one wins."""
    ledger: Path
    """The record of what was fetched, sent, installed and decided."""


def paths(environ: dict[str, str] | None = None, root: bool | None = None) -> Paths:
    """The folders for this user, from `environ` (default: the process's)."""
    env = dict(os.environ) if environ is None else environ
    if root is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
    system = Path("/etc/overt/overt.toml")
    if home := env.get("OVERT_HOME"):
        base = Path(home)
        return Paths(base / "data", base / "cache", base / "vault", (base / "overt.toml",), base / "ledger")
    if root:
        return Paths(
            Path("/var/lib/overt"),
            Path("/var/cache/overt"),
            Path("/var/lib/overt/vault"),
            (system,),
            Path("/var/lib/overt/ledger"),
        )
    user = Path(env.get("HOME") or Path.home())
    data = _folder(env.get("XDG_DATA_HOME"), user / ".local/share") / "overt"
    cache = _folder(env.get("XDG_CACHE_HOME"), user / ".cache") / "overt"
    config = _folder(env.get("XDG_CONFIG_HOME"), user / ".config") / "overt" / "overt.toml"
    state = _folder(env.get("XDG_STATE_HOME"), user / ".local/state") / "overt"
    return Paths(data, cache, data / "vault", (system, config), state / "ledger")


def _folder(named: str | None, usual: Path) -> Path:
    """The folder that a variable names; a relative path in it is invalid and to be ignored (XDG, "Basics")."""
    return Path(named) if named and os.path.isabs(named) else usual
