"""The canaries' bytes again, from what a run says about them: the finder compares what left with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from overt.conduct.canary.plan import MAX_PAIRS, plan
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Canary, Side
from overt.core.errors import ConductError


def bodies(folder: RunFolder) -> dict[int, tuple[bytes, ...]]:
    """By the number of a canary of this run: its bytes, and those of what is packed in it.

    Only of canaries whose bytes come out as they were planted: another version of Overt or of a compression library
    makes others, and then a match is not extended. Raises `ConductError` if the evidence is damaged.
    """
    run, canaries = folder.run(), list(folder.read(Canary))
    if _pairs(canaries) > MAX_PAIRS:
        raise ConductError(
            f"{folder.path}: more than {MAX_PAIRS} pairs of canaries: Overt plants no such run"
        )
    by_path = {canary.path: canary for canary in canaries}
    found = {}
    for item in plan(
        run.arm, run.seed, _pairs(canaries), any(canary.secret for canary in canaries), _user(canaries)
    ):
        canary = by_path.get("/home/" + item.path)
        if canary and hashlib.sha256(item.data).hexdigest() == canary.sha256:
            found[canary.number] = (item.data, *item.pieces)
    return found


def _pairs(canaries: Sequence[Canary]) -> int:
    return len({canary.pair for canary in canaries if canary.side is not Side.ALONE and not canary.detected})


def _user(canaries: Sequence[Canary]) -> str:
    parts = canaries[0].path.split("/") if canaries else []
    return parts[2] if len(parts) > 2 else "alice"
