"""Every attack of the table in docs/channel-attacks.md, played against the real client."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path

import pytest

from overt.channel import layout
from overt.channel.client import update
from overt.channel.client.outcome import Stale, Updated, UpToDate
from overt.tlog import proof
from tests.channel.adversary import content, history, thefts
from tests.channel.adversary.forge import Channel, Tree
from tests.channel.adversary.machine import Machine
from tests.channel.adversary.scene import RULES, Attack, Scene

ATTACKS = (*history.ATTACKS, *thefts.ATTACKS, *content.ATTACKS)
REFUSED = [attack for attack in ATTACKS if attack.words]
ACCEPTED = [attack for attack in ATTACKS if attack.shown]
HARMLESS = [attack for attack in ATTACKS if not attack.words and not attack.shown]


def files(folder: Path) -> dict[str, bytes]:
    """A release as it lies on the machine."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException] | None]:
    """The errors that ended updates, before they became words."""
    found: list[type[BaseException] | None] = []
    real = update._Run._failed

    def noting(self: update._Run, family: str, why: str, now: int) -> Stale:
        found.append(sys.exc_info()[0])
        return real(self, family, why, now)

    monkeypatch.setattr(update._Run, "_failed", noting)
    return found


@pytest.mark.kernel
@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.key)
def test_refused(
    attack: Attack, scene: Scene, machine: Machine, raised: list[type[BaseException] | None]
) -> None:
    releases = files(machine.data / "channels/bank/releases")
    tree = attack.play(scene)
    machine.clock_s = attack.clock_s
    outcome = machine.update(tree)
    assert isinstance(outcome, Stale), outcome
    assert outcome.family == attack.family, outcome
    assert re.search(attack.words, outcome.why), outcome.why
    assert raised == [attack.error]
    assert outcome.serial == machine.serial() == 1
    assert machine.rules() == set(RULES[1])
    assert files(machine.data / "channels/bank/releases") == releases
    _told(attack, machine)


def _told(attack: Attack, machine: Machine) -> None:
    """Status gives the reason and what to do, and ends with 3; the ledger has the refusal."""
    code, channel = machine.standing()
    assert code == 3
    assert channel["serial"] == 1
    assert channel["stale_since"]
    assert channel["advice"]
    assert re.search(attack.words, str(channel["why"]))
    assert ('"decision":"refused"' in machine.ledger()) == (attack.family == "refused")
    code, text = machine.overt("status")
    assert code == 3
    assert re.search(attack.words, text)


@pytest.mark.kernel
@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.key)
def test_afterwards_the_honest_release_is_installed(attack: Attack, scene: Scene, machine: Machine) -> None:
    """No attack that is refused leaves anything behind that keeps honest updates out."""
    now = scene.channel.now
    evil = attack.play(scene)
    machine.clock_s = attack.clock_s
    assert isinstance(machine.update(evil), Stale)
    machine.clock_s = 0
    outcome = machine.update(_honest(attack, scene, evil, now).tree)
    assert isinstance(outcome, Updated), outcome
    assert machine.rules() == set(RULES[2])
    assert machine.standing()[0] == 0


def _honest(attack: Attack, scene: Scene, evil: Tree, now: datetime) -> Channel:
    """The publisher goes on: with all witnesses, and after what a thief of the log key had logged."""
    channel = scene.channel
    channel.now = now
    channel.witnesses.cut_off = set()
    channel.bundles = {layout.TARGET: channel.bundles[layout.TARGET]}
    if attack.hold.log and not attack.hold.root:
        channel.leaves.append(proof.parse(evil[layout.PROOF]).extra)
    return scene.later()


@pytest.mark.kernel
@pytest.mark.parametrize("attack", HARMLESS, ids=lambda attack: attack.key)
def test_harmless(attack: Attack, scene: Scene, machine: Machine) -> None:
    """The update goes another way, and ends with the honest rules."""
    outcome = machine.update(attack.play(scene))
    assert isinstance(outcome, Updated), outcome
    assert not outcome.patched or attack.hold.targets
    assert machine.rules() == set(attack.installs)
    assert machine.standing()[0] == 0


@pytest.mark.kernel
@pytest.mark.parametrize("attack", ACCEPTED, ids=lambda attack: attack.key)
def test_accepted_and_shown_to_a_monitor(attack: Attack, scene: Scene, machine: Machine) -> None:
    """The client can't know; who compares what others were shown can."""
    tree = attack.play(scene)
    outcome = machine.update(tree)
    assert isinstance(outcome, Updated | UpToDate), outcome
    assert machine.rules() == set(attack.installs)
    assert machine.standing()[0] == 0
    assert attack.shown is not None
    attack.shown(scene, tree)
