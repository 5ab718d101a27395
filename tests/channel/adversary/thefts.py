"""Attacks with stolen keys: each role below its threshold, at it, and together with others."""

from __future__ import annotations

from datetime import timedelta

from overt.channel import layout
from overt.channel.release import Release
from overt.core.errors import PeerLied, Unproven
from overt.tlog.note import Note
from tests.channel.adversary.forge import (
    EVERYTHING,
    PUBLISHER,
    TUF,
    Hold,
    Keys,
    Tree,
    Witnesses,
)
from tests.channel.adversary.monitoring import shows_a_newer_release, shows_the_rule, shows_two_histories
from tests.channel.adversary.scene import Attack, Scene, nothing_more, with_metadata

ONLINE = Hold(snapshot=1, timestamp=1, log=1)
ROOT_BELOW = Hold(2, 3, 1, 1, 1)
ROOT_ALONE = Hold(root=3)
TARGETS_BELOW = Hold(targets=1, snapshot=1, timestamp=1, log=1)
TARGETS_ALONE = Hold(targets=2)


def forged_root(scene: Scene, hold: Hold) -> Tree:
    """A new root for keys, log and witnesses of the thief's, who then publishes as he likes."""
    evil = scene.channel.fork()
    evil.witnesses = Witnesses("thief")
    evil.root(hold, Keys("thief"))
    evil.publish("spy", hold=EVERYTHING)
    return evil.tree


def root_below(scene: Scene) -> Tree:
    return forged_root(scene, ROOT_BELOW)


def root_at(scene: Scene) -> Tree:
    return forged_root(scene, ROOT_ALONE)


def targets_below(scene: Scene) -> Tree:
    """Logged and witnessed, with one signature on targets."""
    evil = scene.channel.fork()
    evil.publish("spy", hold=TARGETS_BELOW)
    return evil.tree


def targets_at(scene: Scene) -> Tree:
    """Targets with spying rules, in place of the newest."""
    evil = scene.channel.fork()
    evil.rules(evil.bundle("spy"), TARGETS_ALONE)
    path = layout.metadata("targets", 3)
    return scene.later().tree | {path: evil.tree[path]}


def timestamp_alone(scene: Scene) -> Tree:
    """A timestamp that leads back to the first snapshot."""
    later = scene.later()
    evil = later.fork()
    evil.versions["snapshot"], evil.metadata["snapshot"] = 1, evil.tree[layout.metadata("snapshot", 1)]
    evil.timestamp(Hold(timestamp=1))
    return evil.tree


def snapshot_alone(scene: Scene) -> Tree:
    """A snapshot that names older targets, under the newest one's name."""
    later = scene.later()
    evil = scene.channel.fork()
    evil.snapshot(Hold(snapshot=1))
    path = layout.metadata("snapshot", 3)
    return later.tree | {path: evil.tree[path]}


def snapshot_and_timestamp(scene: Scene) -> Tree:
    """Targets are held back by new snapshots and timestamps."""
    later = scene.later()
    evil = scene.channel.fork()
    evil.snapshot(Hold(snapshot=1, timestamp=1))
    return with_metadata(evil, later)


def log_alone(scene: Scene) -> Tree:
    """A release of the thief's is logged, and honestly witnessed; nobody else signed what it names."""
    evil = scene.channel.fork()
    made = evil.pinned()
    named = Release(made.serial, made.root, made.targets, {layout.TARGET: "5a" * 32})
    evil.release(Hold(log=1), named.encode())
    return evil.tree


def online_keys(scene: Scene) -> Tree:
    """The publishing machine is taken over: snapshot, timestamp and log."""
    evil = scene.channel.fork()
    evil.publish("spy", hold=ONLINE)
    return evil.tree


def older_leaf_again(scene: Scene) -> Tree:
    """The log logs an old release once more."""
    evil = scene.channel.fork()
    evil.release(Hold(log=1), evil.leaves[0])
    return evil.tree


def gap(scene: Scene) -> Tree:
    """A release leaves serials out."""
    evil = scene.channel.fork()
    made = evil.pinned()
    evil.release(Hold(log=1), Release(9, made.root, made.targets, made.bundles).encode())
    return evil.tree


def rewritten(scene: Scene) -> Tree:
    """The log's past is made anew, and all witnesses are in it."""
    evil = scene.channel.fork()
    evil.leaves[0] = evil.leaves[0].replace(b'"serial":0', b'"serial":7')
    evil.publish("spy", hold=EVERYTHING)
    return evil.tree


def unlogged(scene: Scene) -> Tree:
    """Perfect TUF metadata for one victim, beside the true log."""
    later = scene.later()
    evil = scene.channel.fork()
    evil.rules(evil.bundle("spy"), TUF)
    return with_metadata(evil, later)


def republished(scene: Scene) -> Tree:
    """The same version of root with other bytes than the logged ones."""
    scene.channel.root()
    later = scene.later()
    evil = scene.channel.fork()
    evil.root(TUF, expires_in=timedelta(days=9999), version=2)
    path = layout.metadata("root", 2)
    return later.tree | {path: evil.tree[path]}


def without_witnesses(scene: Scene) -> Tree:
    """Logged with the true key, and no witness is told."""
    scene.channel.witnesses.cut_off = set(scene.channel.witnesses.signers)
    evil = scene.channel.fork()
    evil.publish("spy", hold=PUBLISHER)
    return evil.tree


def below_quorum(scene: Scene) -> Tree:
    """Two witnesses sign anything; the others are not told. One signs twice."""
    scene.channel.witnesses.cut_off = set(scene.channel.witnesses.signers)
    evil = scene.channel.fork()
    evil.publish("spy", hold=Hold(5, 3, 1, 1, 1, witnesses=2))
    assert evil.note
    evil.serve(Note(evil.note.text, (*evil.note.signatures, evil.note.signatures[-1])))
    return evil.tree


def witnesses_alone(scene: Scene) -> Tree:
    """All witnesses sign anything, and nobody has the log's key."""
    evil = scene.channel.fork()
    evil.rules(evil.bundle("spy"), TUF)
    evil.release(Hold(5, 3, 1, 1, 0, witnesses=4))
    return evil.tree


def split_view(scene: Scene) -> Tree:
    """Everybody gets release 2; the victim a release 2 of his own."""
    scene.later()
    evil = scene.channel.fork()
    evil.publish("spy", hold=PUBLISHER)
    return evil.tree


def divided(scene: Scene, faulty: int) -> Tree:
    """As a split view, with faulty witnesses that sign both, and one that is kept in the dark until then."""
    scene.channel.witnesses.cut_off = {"w3"}
    scene.later(Hold(5, 3, 1, 1, 1, faulty))
    scene.channel.witnesses.cut_off = set()
    evil = scene.channel.fork()
    evil.publish("spy", hold=Hold(5, 3, 1, 1, 1, faulty))
    return evil.tree


def divided_by_one(scene: Scene) -> Tree:
    return divided(scene, 1)


def divided_by_two(scene: Scene) -> Tree:
    return divided(scene, 2)


def collusion(scene: Scene) -> Tree:
    """Everybody gets release 2; the victim one of his own, cosigned by three that signed both."""
    scene.later()
    evil = scene.channel.fork()
    evil.publish("spy", hold=Hold(5, 3, 1, 1, 1, 3))
    return evil.tree


def in_public(scene: Scene) -> Tree:
    """The publisher himself publishes a spying rule, to everybody."""
    scene.channel.publish("spy")
    return dict(scene.channel.tree)


def frozen(scene: Scene) -> Tree:
    scene.later()
    return nothing_more(scene)


ATTACKS = (
    Attack(
        "Root keys below the threshold",
        "makes a root for keys, log and witnesses of its own",
        ROOT_BELOW,
        root_below,
        "TUF: a new root is signed by the threshold of the old one",
        r"TUF refuses the metadata.*root was signed by 2/3 keys",
        error=PeerLied,
    ),
    Attack(
        "Root keys at the threshold",
        "makes a root for keys, log and witnesses of its own",
        ROOT_ALONE,
        root_at,
        "new witnesses need the cosignatures of those before, or the user's word",
        r"root 2 of this channel names a log key or witnesses that those of root 1 don't vouch for",
        error=Unproven,
    ),
    Attack(
        "Targets keys below the threshold",
        "publishes spying rules, logged and witnessed in public",
        TARGETS_BELOW,
        targets_below,
        "TUF: threshold of targets",
        r"TUF refuses the metadata.*targets was signed by 1/2 keys",
        error=PeerLied,
    ),
    Attack(
        "Targets keys at the threshold",
        "serves targets with spying rules",
        TARGETS_ALONE,
        targets_at,
        "TUF: snapshot names targets by hash",
        r"TUF refuses the metadata.*Observed (hash|length) .* does not match expected",
        error=PeerLied,
    ),
    Attack(
        "Timestamp key",
        "makes a timestamp that leads back to an old snapshot",
        Hold(timestamp=1),
        timestamp_alone,
        "TUF: versions don't go back",
        r"TUF refuses the metadata.*New snapshot version must be >= 2, got version 1",
        error=PeerLied,
    ),
    Attack(
        "Snapshot key",
        "makes a snapshot that names older targets",
        Hold(snapshot=1),
        snapshot_alone,
        "TUF: timestamp names snapshot by hash",
        r"TUF refuses the metadata.*Observed (hash|length) .* does not match expected",
        error=PeerLied,
    ),
    Attack(
        "Snapshot and timestamp keys",
        "holds targets back under fresh timestamps",
        Hold(snapshot=1, timestamp=1),
        snapshot_and_timestamp,
        "the release names the targets in force",
        r"targets\.json version 2 .* is not in the log: the newest release names version 3",
        error=PeerLied,
    ),
    Attack(
        "Log key",
        "logs a release of its own, which honest witnesses cosign",
        Hold(log=1),
        log_alone,
        "TUF's targets must be the release's bundles; updates stop until the publisher logs the next release",
        r"the targets that TUF signed are not the bundles that the release names",
        error=PeerLied,
    ),
    Attack(
        "All online keys",
        "publishes spying rules from the publishing machine, logged and witnessed in public",
        ONLINE,
        online_keys,
        "TUF: threshold of targets, whose keys are elsewhere",
        r"TUF refuses the metadata.*targets was signed by 0/2 keys",
        error=PeerLied,
    ),
    Attack(
        "Older leaf logged again",
        "appends an old release to the log as the newest",
        Hold(log=1),
        older_leaf_again,
        "serial, index and the size of the log fit each other",
        r"release 0 at index 2 is not the newest of a log of 3",
        error=PeerLied,
    ),
    Attack(
        "Gap in the serials",
        "logs a release with a serial further on",
        Hold(log=1),
        gap,
        "serial, index and the size of the log fit each other",
        r"release 9 at index 2 is not the newest of a log of 3",
        error=PeerLied,
    ),
    Attack(
        "Rewritten log",
        "makes the log's past anew, with every key and every witness",
        EVERYTHING,
        rewritten,
        "consistency with the last accepted checkpoint",
        r"consistency proof from 2 to 3 entries does not lead to both roots",
        error=PeerLied,
    ),
    Attack(
        "Unlogged bundle",
        "serves one victim perfect TUF metadata for spying rules, beside the true log",
        TUF,
        unlogged,
        "root.json and targets.json as TUF stored them must be those of the logged release",
        r"targets\.json version 3 .* is not in the log",
        error=PeerLied,
    ),
    Attack(
        "Republished version",
        "serves a root with the version of the logged one and other bytes",
        TUF,
        republished,
        "the release names root by hash",
        r"root\.json version 2 .* is not in the log: the newest release names version 2",
        error=PeerLied,
    ),
    Attack(
        "Log without witnesses",
        "logs spying rules and tells no witness",
        PUBLISHER,
        without_witnesses,
        "quorum of witnesses",
        r"cosigned by nobody, which is not the quorum q",
        error=Unproven,
    ),
    Attack(
        "Quorum below the policy",
        "logs spying rules with two faulty witnesses, one of which signs twice",
        Hold(5, 3, 1, 1, 1, 2),
        below_quorum,
        "quorum of witnesses; each counts once",
        r"cosigned by w0, w1, which is not the quorum q",
        error=Unproven,
    ),
    Attack(
        "Witnesses without the log key",
        "has all witnesses cosign a log of its own",
        Hold(5, 3, 1, 1, 0, 4),
        witnesses_alone,
        "the log's signature",
        r"not signed by any key that is trusted for it",
        error=Unproven,
    ),
    Attack(
        "Split view",
        "logs a release for one victim beside everybody's",
        PUBLISHER,
        split_view,
        "honest witnesses cosign one log only",
        r"cosigned by nobody, which is not the quorum q",
        error=Unproven,
    ),
    Attack(
        "Split view with one faulty witness",
        "the same, with a witness that signs both and one that is cut off from everybody's",
        Hold(5, 3, 1, 1, 1, 1),
        divided_by_one,
        "two quorums of 3 of 4 share two witnesses: one of them is honest",
        r"cosigned by w0, w3, which is not the quorum q",
        error=Unproven,
    ),
    Attack(
        "Split view with two faulty witnesses",
        "the same, with two that sign both: more than 3 of 4 tolerates",
        Hold(5, 3, 1, 1, 1, 2),
        divided_by_two,
        "not refused. The victim's proof and any honest witness's checkpoint are two signed histories of one log: "
        "the monitor that compares them has the evidence",
        installs=("spy",),
        shown=shows_two_histories,
    ),
    Attack(
        "Quorum collusion",
        "with every key of the publisher and a quorum of witnesses, serves one victim a history of his own",
        Hold(5, 3, 1, 1, 1, 3),
        collusion,
        "not refused. The honest witness's checkpoint and the victim's proof contradict each other under the log's own "
        "signature",
        installs=("spy",),
        shown=shows_two_histories,
    ),
    Attack(
        "A spying rule in public",
        "the publisher publishes it to everybody",
        PUBLISHER,
        in_public,
        "not refused. It is in the log for good: monitors review every rule, and `overt rules review` names it",
        installs=("spy",),
        shown=shows_the_rule,
    ),
    Attack(
        "Freeze up to the maximum age",
        "serves the client's release while a newer one is out, for up to 24 hours",
        Hold(),
        frozen,
        "not refused. Witnesses show the monitor a newer checkpoint than the mirror serves; after 24 hours the client "
        "refuses by itself",
        installs=("one", "two"),
        shown=shows_a_newer_release,
    ),
)
