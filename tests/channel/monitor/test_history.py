"""What a monitor learns of a channel that is run well."""

from __future__ import annotations

from tests.channel.monitor.conftest import Channel, Watching


def test_replays_and_rebuilds_every_release(channel: Channel, watching: Watching) -> None:
    channel.publish("two")
    outcome = watching.look()
    assert (outcome.new, outcome.size) == (2, 2)
    assert not watching.alarms(), watching.alarms()
    assert not watching.state.conditions()
    newest, first = watching.state.releases()
    assert (first.appeared, newest.appeared, newest.rules) == (1, 1, 2)
    assert first.rebuilt == newest.rebuilt == "its sources build this bundle, byte for byte"
    assert {one.role for one in newest.signers} == {"witness", "root", "targets"}
    assert watching.look().new == 0
