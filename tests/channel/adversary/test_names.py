"""Names that two channels share, and names that a server would like to choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.channel import layout
from overt.channel.client.outcome import Updated
from overt.channel.client.source import InFolder
from overt.core.errors import Malformed
from overt.engine.matcher import Matcher
from overt.scan import arsenal
from overt.tlog import tiles
from tests.channel.adversary.forge import Channel, Keys, Witnesses
from tests.channel.adversary.machine import Machine, Mirror
from tests.channel.adversary.scene import RULES, Scene

SAMPLE = b"overt-attack-test-one"
HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "a" * 63,
    "A" * 64,
    "g" * 64,
    "0" * 63 + "/",
    "",
    "0" * 65,
)


@pytest.mark.kernel
def test_rules_of_one_name_in_two_channels(scene: Scene, machine: Machine) -> None:
    """Both are loaded, both match, and each finding says whose rule it was."""
    other = Channel("employer", Keys("employer"), Witnesses("others")).found()
    other.publish("one")
    machine.subscribe("employer", other.tree[layout.metadata("root", 1)])
    outcome = machine.update(other.tree, "employer")
    assert isinstance(outcome, Updated), outcome
    found = [one for one in Matcher(arsenal.load(None).pack).match(SAMPLE) if one.rule == "one"]
    assert sorted(one.pack for one in found) == ["bank 1", "employer 0"]


@pytest.mark.kernel
def test_a_channel_cannot_be_updated_from_the_other(scene: Scene, machine: Machine) -> None:
    """Each has its own policy and its own memory of its log."""
    other = Channel("employer", Keys("employer"), Witnesses("others")).found()
    other.publish("one")
    machine.subscribe("employer", other.tree[layout.metadata("root", 1)])
    machine.update(other.tree, "employer")
    for name, tree in (("employer", scene.later().tree), ("bank", other.tree)):
        before = machine.serial(name)
        machine.update(tree, name)
        assert "not signed by any key that is trusted" in machine.why(name)
        assert machine.serial(name) == before
    assert machine.rules() == set(RULES[1])


@pytest.mark.kernel
def test_clients_ask_only_for_names_of_the_layout(scene: Scene, machine: Machine) -> None:
    mirror = Mirror(scene.later().tree)
    machine.update(mirror)
    wanted = ("latest.tlog-proof", "log/tile/", "metadata/", "bundles/", "patches/")
    assert mirror.asked[0] == layout.PROOF
    assert all(path.startswith(wanted) and ".." not in path for path in mirror.asked)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_name_becomes_a_path(name: str) -> None:
    for make in (layout.bundle, layout.root, lambda digest: layout.patch("0" * 64, digest)):
        with pytest.raises(ValueError, match="is no SHA-256"):
            make(name)
    with pytest.raises(Malformed):
        tiles.parse_path(f"tile/0/{name}")


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    """`overt update --from`: what lies on a stick can't name files of this machine."""
    (tmp_path / "secret").write_text("secret")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / layout.PROOF).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        InFolder(tree).read(layout.PROOF, 1000)
