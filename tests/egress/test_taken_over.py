"""A courier in the peer's hands: the parent believes nothing of what it says."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.egress import errors, line
from overt.egress.courier import Courier
from overt.egress.job import Job
from tests.egress.adversary import SCRIPTS
from tests.egress.conftest import PATIENT, QUICK, Records
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
ROOT = str(Path(__file__).parents[2])
ENDS: dict[str, type[Exception]] = {
    "304 that was not asked for": errors.Malformed,
    "a status that is not taken": errors.Malformed,
    "too many bytes": errors.TooLong,
    "a drip": errors.TooSlow,
    "its own death": errors.CourierLost,
}


def take_over(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next courier is the adversary's."""
    adversary = f"from tests.egress.adversary import take_over; take_over({case!r})"
    boot = f"import sys; sys.path += [*sys.argv[1:], {ROOT!r}]; {adversary}"
    monkeypatch.setattr(line, "BOOT", boot)


@pytest.mark.parametrize("case", [case for case in SCRIPTS if case != "more than was asked for"])
def test_a_lying_courier(case: str, job: Make, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(case, monkeypatch)
    asked = job("http://127.0.0.1:9/", limits=QUICK if ENDS.get(case) is errors.TooSlow else PATIENT)
    descriptors = len(os.listdir("/proc/self/fd"))
    with Courier.start(asked, records) as courier:
        with pytest.raises(ENDS.get(case, errors.CourierBroke)):
            courier.fetch("x", max_bytes=1000)
        assert not courier.alive
        with pytest.raises(errors.CourierLost):
            courier.fetch("x", max_bytes=1000)
    assert os.listdir(asked.spool) == ["lock"]
    assert len(os.listdir("/proc/self/fd")) <= descriptors, "other tests' servers may have given up theirs"


def test_what_is_left_of_an_answer_is_not_the_next_one(
    job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over("more than was asked for", monkeypatch)
    with Courier.start(job("http://127.0.0.1:9/"), records) as courier:
        courier.fetch("x", max_bytes=1000)
        assert select.select(courier.descriptors[:1], [], [], PATIENCE_S)[0], "it says no more"
        with pytest.raises(errors.CourierBroke, match="without being asked"):
            courier.fetch("x", max_bytes=1000)
