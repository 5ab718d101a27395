"""What a session scans with: the rules and hash sets of this machine, or a pack file named by the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overt import __version__
from overt.core.errors import PackError
from overt.engine import pack as packs
from overt.engine.hashset import HashSets
from overt.engine.matcher import ENGINE
from overt.engine.warm import UNPACKER
from overt.rules.active import load_active, load_hashes
from overt.scan.building import builder


@dataclass(frozen=True, slots=True)
class Arsenal:
    """Read and checked; `identity` changes whenever a verdict could."""

    pack: packs.Pack
    hashes: HashSets
    identity: str


def load(pack_file: str | None, unconfined: bool = False) -> Arsenal:
    """Load the pack file, or this machine's rules, compiled anew if need be. Raises `PackError`, `ConfinementError`."""
    if pack_file is None:
        pack, hashes = load_active(builder=builder(unconfined)), load_hashes()
        identity = pack.fingerprint
    else:
        try:
            data = Path(pack_file).read_bytes()
        except OSError as error:
            raise PackError(f"cannot read the rule pack {pack_file}: {error.strerror}") from error
        pack, hashes, identity = packs.load(data, pack_file), HashSets(), packs.digest(data)
    if not pack.records and not hashes.count:
        raise PackError("there are no rules to scan with: add some with 'overt rules add'")
    return Arsenal(pack, hashes, f"{__version__} {ENGINE} {UNPACKER} {identity}")
