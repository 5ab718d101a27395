"""Attacks of a mirror: time, order and completeness. They need no key, unless said."""

from __future__ import annotations

from datetime import timedelta

from overt.channel import layout, release
from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog.note import Note
from overt.tlog.proof import parse
from tests.channel.adversary.forge import NOTHING, STRANGER, Channel, Keys, Tree
from tests.channel.adversary.scene import DAY_S, HOUR_S, Attack, Scene, nothing_more


def rollback(scene: Scene) -> Tree:
    return scene.trees[0]


def freeze(scene: Scene) -> Tree:
    scene.later()
    return nothing_more(scene)


def mixed_old_metadata(scene: Scene) -> Tree:
    """The newest proof with the metadata of the release before."""
    later = scene.later()
    return later.tree | {layout.TIMESTAMP: scene.trees[1][layout.TIMESTAMP]}


def mixed_targets(scene: Scene) -> Tree:
    """Timestamp and snapshot of the newest, an older version's targets under its name."""
    later = scene.later()
    old = later.tree[layout.metadata("targets", 2)]
    return later.tree | {layout.metadata("targets", 3): old}


def older_leaf(scene: Scene) -> Tree:
    """A true proof of an older release under the newest checkpoint."""
    later = scene.later()
    assert later.note
    later.serve(later.note, 0)
    return later.tree


def another_release(scene: Scene) -> Tree:
    """The newest proof, with other words in its unauthenticated part."""
    later = scene.later()
    proof = parse(later.tree[layout.PROOF])
    forged = release.parse(proof.extra)
    changed = release.Release(forged.serial, forged.root, forged.targets, {layout.TARGET: "00" * 32})
    data = type(proof)(proof.index, proof.hashes, proof.checkpoint, changed.encode()).encode()
    return later.tree | {layout.PROOF: data}


def truncated_tile(scene: Scene) -> Tree:
    later = scene.later()
    path = f"{layout.LOG}tile/0/000.p/3"
    return later.tree | {path: later.tree[path][:-7]}


def corrupted_tile(scene: Scene) -> Tree:
    later = scene.later()
    path = f"{layout.LOG}tile/0/000.p/3"
    data = bytearray(later.tree[path])
    data[40] ^= 1
    return later.tree | {path: bytes(data)}


def missing_tile(scene: Scene) -> Tree:
    tree = scene.later().tree
    return {path: data for path, data in tree.items() if "tile/0/" not in path}


def hidden_rotation(scene: Scene) -> Tree:
    """A new root, and a mirror that says 404 to it."""
    scene.channel.root()
    tree = scene.later().tree
    return {path: data for path, data in tree.items() if path != layout.metadata("root", 2)}


def old_root(scene: Scene) -> Tree:
    """A new root, and a mirror that serves the first one in its place."""
    scene.channel.root()
    tree = scene.later().tree
    return tree | {layout.metadata("root", 2): tree[layout.metadata("root", 1)]}


def wrong_root(scene: Scene) -> Tree:
    """Everything anew, signed by strangers, from a second root on."""
    evil = scene.channel.fork()
    evil.root(NOTHING, keys=Keys("thief"))
    evil.publish("spy")
    return evil.tree


def another_channel(scene: Scene) -> Tree:
    """The same publisher's other channel, whole and true, in this one's place."""
    other = Channel("other", scene.channel.keys, scene.channel.witnesses).found()
    for names in ("x",), ("x", "y"), ("x", "y", "z"):
        other.publish(*names)
    return other.tree


def another_channels_proof(scene: Scene) -> Tree:
    """Only its proof, beside this channel's metadata."""
    return scene.later().tree | {layout.PROOF: another_channel(scene)[layout.PROOF]}


def old_cosignatures(scene: Scene) -> Tree:
    """The newest release with cosignatures of yesterday."""
    later = scene.later()
    later.now -= timedelta(hours=25)
    later.witness()
    return later.tree


def lapsed(scene: Scene) -> Tree:
    """A new release whose metadata is long over."""
    channel = scene.channel
    channel.now -= timedelta(days=60)
    channel.rules(channel.bundle("one", "two", "three"))
    channel.now += timedelta(days=60)
    channel.release()
    return dict(channel.tree)


def pasted_cosignatures(scene: Scene) -> Tree:
    """The newest checkpoint under the cosignatures of the one before."""
    later = scene.later()
    old = scene.channel.note
    assert later.note and old
    later.serve(Note(later.note.text, later.note.signatures[:1] + old.signatures[1:]))
    return later.tree


def strangers_log(scene: Scene) -> Tree:
    """A log of one's own under the same name."""
    evil = scene.channel.fork()
    evil.rules(evil.bundle("spy"), NOTHING)
    evil.release(NOTHING)
    assert STRANGER.log(evil.origin).key.name == evil.origin
    return evil.tree


def honest(scene: Scene) -> Tree:
    return scene.later().tree


ATTACKS = (
    Attack(
        "Rollback",
        "serves the tree of an older release",
        NOTHING,
        rollback,
        "the log never shrinks: the last accepted checkpoint is kept",
        r"the log (shrank from release 1 to 0|ends with release 0, and release 1 is installed here): a rollback",
        error=PeerLied,
    ),
    Attack(
        "Freeze beyond the maximum age",
        "goes on serving the release that the client has, for 25 hours",
        NOTHING,
        freeze,
        "cosignatures older than 24 hours don't count",
        r"newest is 25\.\d hours old, and at most 24 are allowed",
        clock_s=25 * HOUR_S,
        error=Unproven,
    ),
    Attack(
        "Mix-and-match, old timestamp",
        "serves the newest proof with the timestamp, snapshot and targets of the release before",
        NOTHING,
        mixed_old_metadata,
        "root.json and targets.json as TUF stored them must be those of the logged release",
        r"targets\.json version 2 .* is not in the log: the newest release names version 3",
        error=PeerLied,
    ),
    Attack(
        "Mix-and-match, old targets",
        "serves the newest timestamp and snapshot, and older targets under the new name",
        NOTHING,
        mixed_targets,
        "TUF: snapshot names targets by hash",
        r"TUF refuses the metadata.*Observed (hash|length) .* does not match expected",
        error=PeerLied,
    ),
    Attack(
        "Older leaf replayed",
        "serves a true proof of release 0 under the newest checkpoint",
        NOTHING,
        older_leaf,
        "only the log's last leaf is a release to install",
        r"release 0 at index 0 is not the newest of a log of 3",
        error=PeerLied,
    ),
    Attack(
        "Another release in the proof",
        "changes the release that the proof file carries",
        NOTHING,
        another_release,
        "inclusion proof",
        r"inclusion proof of leaf 2 does not lead to the root of the tree of 3",
        error=PeerLied,
    ),
    Attack(
        "Truncated tile",
        "cuts a tile of the log",
        NOTHING,
        truncated_tile,
        "tiles have an exact length",
        r"tile/0/000\.p/3: 89 bytes, not 3 hashes of 32 bytes",
        error=Malformed,
    ),
    Attack(
        "Corrupted tile",
        "flips a bit in a tile",
        NOTHING,
        corrupted_tile,
        "tiles must make up the cosigned root hash",
        r"do not have its root hash",
        error=PeerLied,
    ),
    Attack(
        "Missing tiles",
        "answers 404 for the log's tiles",
        NOTHING,
        missing_tile,
        "no consistency proof, no update",
        r"log/tile/0/000",
        family="failed",
        error=FileNotFoundError,
    ),
    Attack(
        "Hidden root rotation",
        "answers 404 for the new root",
        NOTHING,
        hidden_rotation,
        "the release names the root in force",
        r"root\.json version 1 .* is not in the log: the newest release names version 2",
        error=PeerLied,
    ),
    Attack(
        "Old root",
        "serves the first root in place of the second",
        NOTHING,
        old_root,
        "TUF: versions of root follow each other",
        r"TUF refuses the metadata.*root",
        error=PeerLied,
    ),
    Attack(
        "Wrong root",
        "serves a second root, log, witnesses and rules of its own making",
        NOTHING,
        wrong_root,
        "TUF: a new root is signed by the threshold of the old one",
        r"TUF refuses the metadata.*root was signed by 0/3 keys",
        error=PeerLied,
    ),
    Attack(
        "A log of one's own",
        "signs another history with a key of the same name",
        NOTHING,
        strangers_log,
        "the log's key comes from root",
        r"not signed by any key that is trusted for it",
        error=Unproven,
    ),
    Attack(
        "Swapped channels",
        "serves another channel of the same publisher and witnesses, whole",
        NOTHING,
        another_channel,
        "the log's origin comes from root, and every cosignature names it",
        r"not signed by any key that is trusted for it",
        error=Unproven,
    ),
    Attack(
        "Another channel's proof",
        "serves another channel's proof beside this one's metadata",
        NOTHING,
        another_channels_proof,
        "the log's origin comes from root, and every cosignature names it",
        r"not signed by any key that is trusted for it",
        error=Unproven,
    ),
    Attack(
        "Old cosignatures",
        "holds back the newest release, and serves it after 25 hours",
        NOTHING,
        old_cosignatures,
        "cosignatures older than 24 hours don't count",
        r"newest is 25\.\d hours old, and at most 24 are allowed",
        error=Unproven,
    ),
    Attack(
        "Pasted cosignatures",
        "puts cosignatures of the old checkpoint under the new one",
        NOTHING,
        pasted_cosignatures,
        "a cosignature is on one checkpoint",
        r"was not made by its key on this text",
        error=PeerLied,
    ),
    Attack(
        "Lapsed metadata",
        "nothing: the publisher logs releases, and lets TUF's metadata expire",
        NOTHING,
        lapsed,
        "TUF: expiry",
        r"TUF refuses the metadata.*expired",
        error=PeerLied,
    ),
    Attack(
        "Clock two days ahead",
        "nothing: the client's clock is wrong",
        NOTHING,
        honest,
        "cosignatures older than 24 hours don't count; the reason names the clock",
        r"newest is 48\.\d hours old.*or the clock is wrong",
        clock_s=2 * DAY_S,
        error=Unproven,
    ),
    Attack(
        "Clock two days behind",
        "nothing: the client's clock is wrong",
        NOTHING,
        honest,
        "cosignatures from the future don't count; the reason names the clock",
        r"newest is 48\.\d hours in the future: set the clock",
        clock_s=-2 * DAY_S,
        error=Unproven,
    ),
)
