"""What somebody who watches has: checkpoints as the witnesses cosigned them, a victim's tree, and the log's tiles."""

from __future__ import annotations

import pytest

from overt.channel import bundle, delta, layout, release
from overt.core.errors import PeerLied
from overt.rules.compile import RuleText
from overt.rules.review import review
from overt.tlog import note, proof
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint, verify
from tests.channel.adversary.forge import Tree
from tests.channel.adversary.scene import Scene

HONEST = "w3"
"""A witness that no attack holds."""


def witnessed(scene: Scene) -> Checkpoint:
    """The newest checkpoint that an honest witness cosigned, with its log's signature checked."""
    channel, witnesses = scene.channel, scene.channel.witnesses
    log = channel.keys.log(channel.origin).key
    honest = [name for name in reversed(witnesses.signers) if (name, channel.origin) in witnesses.seen]
    newest = [note.parse(witnesses.seen[name, channel.origin][-1]) for name in honest]
    assert all(verify(one, [witnesses.signers[name].key]) for name, one in zip(honest, newest, strict=True))
    return max((open_checkpoint(one, [log]) for one in newest), key=lambda found: found.head.size)


def shown_to_victim(scene: Scene, tree: Tree) -> Checkpoint:
    """The checkpoint of the proof that the victim got; also signed by the log."""
    channel = scene.channel
    served = proof.parse(tree[layout.PROOF])
    return open_checkpoint(served.checkpoint, [channel.keys.log(channel.origin).key])


def shows_two_histories(scene: Scene, tree: Tree) -> None:
    """Two signed checkpoints of one log, neither of which extends the other: evidence against log and witnesses."""
    victim = shown_to_victim(scene, tree)
    contradicting = [
        one for one in every_checkpoint(scene) if one.head.size == victim.head.size and one != victim
    ]
    assert contradicting
    honest = scene.later()
    reader = LogReader(contradicting[0].head, lambda path: honest.tree[layout.LOG + path])
    with pytest.raises(PeerLied):
        reader.extends(victim.head)


def every_checkpoint(scene: Scene) -> list[Checkpoint]:
    """All that honest witnesses ever cosigned."""
    channel = scene.channel
    log = channel.keys.log(channel.origin).key
    return [
        open_checkpoint(note.parse(one), [log])
        for (_, origin), seen in channel.witnesses.seen.items()
        if origin == channel.origin
        for one in seen
    ]


def shows_the_rule(scene: Scene, tree: Tree) -> None:
    """The victim's checkpoint is everybody's; replaying the log leads to the rule, for good."""
    victim = shown_to_victim(scene, tree)
    assert victim == witnessed(scene)
    reader = LogReader(victim.head, lambda path: tree[layout.LOG + path])
    releases = [release.parse(leaf) for leaf in reader.entries(0)]
    assert [one.serial for one in releases] == list(range(victim.head.size))
    sha256 = releases[-1].bundles[layout.TARGET]
    found = bundle.read(delta.decompress(tree[layout.bundle(sha256)], sha256))
    assert [rule.name for rule in found.manifest.rules] == ["spy"]
    texts = [RuleText("bank", path, data.decode(), "", "") for path, data in found.files.items()]
    assert [one.rule for text in texts for one in review(text)] == ["spy"]


def shows_a_newer_release(scene: Scene, tree: Tree) -> None:
    """Witnesses know a larger tree than the mirror serves."""
    assert witnessed(scene).head.size == shown_to_victim(scene, tree).head.size + 1
