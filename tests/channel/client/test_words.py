"""What the commands say when something is there already, is of a channel, or is not what it should be: by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.channel import layout
from overt.channel.publisher.roles import Quorum, Roles
from overt.core.errors import ChannelError
from tests.channel.client.served import Tree
from tests.channel.client.test_command import Overt, overt, root
from tests.channel.publisher.world import World

__all__ = ["overt", "root"]


@pytest.mark.kernel
def test_rules_of_channels_are_listed(world: World, served: Tree, overt: Overt, root: str) -> None:
    overt("channel", "add", served.url, "--root", root)
    listed = overt("rules", "list")
    (line,) = [one for one in listed.splitlines() if one.startswith("test ")]
    assert line.split()[1] == "1" and f"channel: release 0 of {served.url}" in line
    assert overt("rules", "list", "test").startswith("one ")
    assert "is not measured" in overt("rules", "list", "test", "--cost", code=2)
    assert "-" in next(
        one for one in overt("rules", "list", "--cost").splitlines() if one.startswith("test ")
    )


@pytest.mark.kernel
def test_a_channel_that_is_there_already_says_what_can_be_done(served: Tree, overt: Overt, root: str) -> None:
    overt("channel", "add", served.url, "--root", root)
    said = overt("channel", "add", served.url, "--root", root, code=2)
    for words in (
        "'test' already",
        "overt channel list",
        "overt channel remove",
        "overt channel switch",
        "--name",
    ):
        assert words in said


@pytest.mark.kernel
def test_metadata_that_tuf_refuses_is_named(world: World, served: Tree, overt: Overt, root: str) -> None:
    overt("channel", "add", served.url, "--root", root)
    world.publish("two")
    path = sorted((world.public / layout.METADATA).glob("*.targets.json"))[-1]
    path.write_bytes(path.read_bytes().replace(b"signed", b"Signed", 1))
    assert f"metadata/{path.name}: Observed" in overt("update", code=3)


@pytest.mark.kernel
def test_no_number_of_an_error_is_shown(overt: Overt, root: str) -> None:
    said = overt("channel", "add", "http://127.0.0.1:1/", "--root", root, code=3)
    assert "Connection refused" in said and "Errno" not in said
    said = overt("channel", "add", "http://nowhere.invalid/", "--root", root, "--name", "b", code=3)
    assert "Errno" not in said


def test_a_wrong_export_is_named(overt: Overt, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("junk\n")
    said = overt("ledger", "verify", "--file", str(wrong), code=2)
    assert str(wrong) in said and "no export of a ledger" in said and "overt ledger export" in said


def test_a_threshold_out_of_reach_names_its_role() -> None:
    with pytest.raises(ChannelError, match="role root: a threshold of 2 can't be met, there is no key"):
        Roles(*(Quorum((), 2) for _ in range(4)))
