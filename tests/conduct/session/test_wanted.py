"""What can't be asked of the lab is refused before anything is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from overt.conduct import profile
from overt.conduct.evidence.records import Mode
from overt.conduct.session.wanted import Wanted, check
from overt.core.errors import UsageError


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    file = profile.find("clamscan")
    return Wanted(profile.read(file), file, tmp_path / "report", seed=1, mode=Mode.SINK)


def test_a_plain_wish_is_granted(wanted: Wanted) -> None:
    check(wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": 0}, "--runs 0"),
        ({"differential": -1}, "--differential -1"),
        ({"differential": 1}, "nothing can be compared"),
        ({"pairs": 100_000}, "--pairs 100000"),
        ({"seed": -5}, "--seed -5"),
        ({"mode": Mode.PASS_THROUGH}, "--let-it-out 'ClamAV clamscan'"),
        ({"mode": Mode.PASS_THROUGH, "let_out": "clamscan"}, "--let-it-out 'ClamAV clamscan'"),
        ({"let_out": "ClamAV clamscan"}, "goes with --mode pass-through"),
        ({"mode": Mode.REPLAY}, "nothing to replay"),
        ({"out": Path(__file__).parent}, "is there already"),
        ({"snapshot": Path(__file__).parent}, "folder usr"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    wanted: Wanted, change: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check(replace(wanted, **change))  # type: ignore[arg-type]
    assert words in str(refused.value)


def test_a_capability_that_nobody_knows_is_named(wanted: Wanted) -> None:
    room = msgspec.structs.replace(wanted.profile.chamber, capabilities=("CAP_SPY",))
    with pytest.raises(UsageError, match="CAP_SPY"):
        check(replace(wanted, profile=msgspec.structs.replace(wanted.profile, chamber=room)))


@pytest.mark.parametrize(
    ("given", "mounts"), [("CAP_SYS_MODULE", False), ("CAP_WAKE_ALARM", False), ("CAP_SYS_ADMIN", True)]
)
def test_rights_that_no_chamber_gives_are_refused_before_anything_is_started(
    wanted: Wanted, given: str, mounts: bool
) -> None:
    room = msgspec.structs.replace(wanted.profile.chamber, capabilities=(given,), mounts=mounts)
    asked = replace(wanted, profile=msgspec.structs.replace(wanted.profile, chamber=room))
    with pytest.raises(UsageError, match=rf"\[chamber\]: .*{given}"):
        check(asked)
    check(replace(asked, clock="now"))


@pytest.mark.parametrize(
    ("install", "machine", "given", "words"),
    [
        (profile.Present(("/usr/bin/true",)), None, "+400d", "can't be moved into a virtual one"),
        (profile.Overt(), profile.Machine(), "", "can't be moved into a virtual one"),
        (profile.Wheel("wheels", "x"), profile.Machine(system="minimal"), "", 'system = "debian"'),
        (profile.Debian(("x",)), profile.Machine(system="minimal"), "now", "no dpkg"),
        (profile.Folder("."), None, "tomorrow", "--clock 'tomorrow': it is now, +400d"),
        (profile.Folder("."), None, "2150-01-01", "from 2000 to 2099"),
        (profile.Folder("."), None, "+999999d", "from 2000 to 2099"),
    ],
)
def test_what_no_virtual_machine_can_be_is_refused(
    wanted: Wanted, install: profile.Install, machine: profile.Machine | None, given: str, words: str
) -> None:
    asked = msgspec.structs.replace(wanted.profile, install=install, machine=machine)
    with pytest.raises(UsageError) as refused:
        check(replace(wanted, profile=asked, clock=given))
    assert words in str(refused.value)


def test_a_clock_asks_for_a_machine_and_overrides_the_profiles(wanted: Wanted) -> None:
    assert wanted.machine is None
    assert replace(wanted, clock="+400d").machine == profile.Machine(clock="+400d")
    small = profile.Machine(system="minimal", clock="2027-01-01")
    asked = replace(wanted, profile=msgspec.structs.replace(wanted.profile, machine=small))
    assert asked.machine == small
    moved = replace(asked, clock="now").machine
    assert moved == msgspec.structs.replace(small, clock="now")
