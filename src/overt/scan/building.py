"""Compiling this machine's rules in a process that can be lost: those of channels are other people's text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from overt.core.errors import PackError
from overt.engine.warm import warm_up
from overt.rules import building
from overt.rules.building import Builder
from overt.rules.compile import Built, RuleText, Tell
from overt.sandbox.expendable import Bounds, Expendables, WorkerDied

BOUNDS = Bounds(max_memory_bytes=4 << 30, max_answer_bytes=1 << 30, deadline_s=600)


def builder(unconfined: bool = False) -> Builder:
    """A builder whose every call has a confined process of its own (not with `unconfined`)."""
    return partial(_build, unconfined=unconfined)


def _build(texts: Sequence[RuleText], names: tuple[str, ...], tell: Tell, unconfined: bool) -> Built:
    """Raises `PackError` when the rules exhaust the process, `ConfinementError` without one."""
    workers = Expendables(building.answer, BOUNDS, not unconfined, warm_up)
    try:
        return building.built(workers.within_deadline(), texts, names, tell, WorkerDied)
    except WorkerDied as error:
        raise PackError(
            f"the rules could not be compiled ({error}): roll back the channel updated last"
        ) from None
    finally:
        workers.close()
