"""Attacks by what is inside: compressed bombs, other bytes, names that lead elsewhere."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from functools import cache

from overt.channel import delta, layout, manifest
from overt.channel.bundle import read
from overt.core import canonical
from overt.core.errors import Malformed, PeerLied
from tests.channel.adversary.forge import NOTHING, PUBLISHER, Channel, Tree, bundle_of
from tests.channel.adversary.scene import Attack, Scene

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BOMB_BYTES = 1 << 30


@cache
def bomb() -> bytes:
    """A valid frame of one GiB of zeros: some 33 kB."""
    compressor = zstd.ZstdCompressor(level=1)
    piece = bytes(1 << 26)
    frame = [compressor.compress(piece) for _ in range(BOMB_BYTES // len(piece))]
    return b"".join(frame) + compressor.flush()


def _patch(scene: Scene, make: bytes | None = None) -> Tree:
    """Release 2, whose patch is `make` (None: left out)."""
    tree = scene.later().tree
    path = next(path for path in tree if path.startswith("patches/") and path not in scene.trees[1])
    rest = {name: data for name, data in tree.items() if name != path}
    return rest if make is None else rest | {path: make}


def _whole(scene: Scene, make: bytes) -> Tree:
    """Release 2 without patches, whose compressed bundle is `make`."""
    tree = _patch(scene)
    path = next(path for path in tree if path.startswith("bundles/") and path not in scene.trees[1])
    return tree | {path: make}


def patch_bomb(scene: Scene) -> Tree:
    return _patch(scene, bomb())


def patch_to_other_bytes(scene: Scene) -> Tree:
    """A true patch from the client's bundle, to a bundle of the attacker's."""
    old = scene.channel.bundles[layout.TARGET]
    return _patch(scene, delta.make_patch(old, bundle_of("bank", 2, {"spy": "rule spy { condition: true }"})))


def patch_is_rubbish(scene: Scene) -> Tree:
    return _patch(scene, b"\x28\xb5\x2f\xfd" + bytes(range(256)))


def bundle_bomb(scene: Scene) -> Tree:
    return _whole(scene, bomb())


def bundle_of_other_bytes(scene: Scene) -> Tree:
    return _whole(scene, delta.compress(bundle_of("bank", 2, {"spy": "rule spy { condition: true }"})))


def bundle_cut(scene: Scene) -> Tree:
    tree = scene.later().tree
    path = next(path for path in tree if path.startswith("bundles/") and path not in scene.trees[1])
    return _whole(scene, tree[path][:-9])


def _published(scene: Scene, data: bytes) -> Tree:
    """What the publisher himself signs, logs and has witnessed."""
    channel: Channel = scene.channel
    channel.rules(data)
    channel.release()
    return dict(channel.tree)


def _renamed(data: bytes, old: str, new: str) -> bytes:
    """The bundle with a member, and what the manifest says of it, under another name."""
    found = read(data)
    contents = manifest.encode(found.manifest).replace(canonical.encode(old), canonical.encode(new))
    members = {new if path == old else path: content for path, content in found.files.items()}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted((members | {manifest.PATH: contents}).items()):
            header = tarfile.TarInfo(name)
            header.size, header.mode = len(content), 0o644
            archive.addfile(header, io.BytesIO(content))
    return target.getvalue()


def member_outside(scene: Scene) -> Tree:
    data = scene.channel.bundle("one")
    (path,) = read(data).files
    return _published(scene, _renamed(data, path, "rules/own/../../../../root/.profile"))


def member_absolute(scene: Scene) -> Tree:
    data = scene.channel.bundle("one")
    (path,) = read(data).files
    return _published(scene, _renamed(data, path, "/etc/cron.d/one"))


def member_link(scene: Scene) -> Tree:
    """A symbolic link among the members."""
    target = io.BytesIO(scene.channel.bundle("one"))
    with tarfile.open(fileobj=target, mode="a") as archive:
        link = tarfile.TarInfo("rules/own/zz.yar")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return _published(scene, target.getvalue())


def target_outside(scene: Scene) -> Tree:
    """A bundle beside the rules, whose name leads out of any folder."""
    channel = scene.channel
    channel.bundles["../../evil.tar"] = b"evil"
    channel.tree[layout.bundle(hashlib.sha256(b"evil").hexdigest())] = delta.compress(b"evil")
    channel.publish("one")
    return dict(channel.tree)


def of_another_channel(scene: Scene) -> Tree:
    """A bundle that was made for another channel, signed and logged in this one."""
    return _published(
        scene, bundle_of("other", 2, {"x": 'rule x { strings: $a = "xxxxxxxx" condition: $a }'})
    )


def of_the_future(scene: Scene) -> Tree:
    return _published(scene, bundle_of("bank", 9, {"x": 'rule x { strings: $a = "xxxxxxxx" condition: $a }'}))


def reads_files(scene: Scene) -> Tree:
    """A rule text that includes a file of the client's."""
    good = 'rule one { strings: $a = "overt-attack-test-one" condition: $a }\n'
    data = bundle_of("bank", 2, {"one": good})
    (path,) = read(data).files
    found = read(data)
    text = b'include "/etc/passwd"\n' + found.files[path]
    target = io.BytesIO()
    members = {path: text, manifest.PATH: manifest.encode(found.manifest)}
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(members.items()):
            header = tarfile.TarInfo(name)
            header.size, header.mode = len(content), 0o644
            archive.addfile(header, io.BytesIO(content))
    return _published(scene, target.getvalue())


ATTACKS = (
    Attack(
        "Patch bomb",
        "serves a patch of 33 kB that expands to 1 GiB",
        NOTHING,
        patch_bomb,
        "unpacking stops at the length that TUF names; the whole bundle is fetched instead",
        installs=("one", "two", "three"),
    ),
    Attack(
        "Patch to other bytes",
        "serves a valid patch that makes spying rules of the client's bundle",
        NOTHING,
        patch_to_other_bytes,
        "SHA-256 of what was unpacked; the whole bundle is fetched instead",
        installs=("one", "two", "three"),
    ),
    Attack(
        "Broken patch",
        "serves rubbish as the patch",
        NOTHING,
        patch_is_rubbish,
        "the confined worker refuses it; the whole bundle is fetched instead",
        installs=("one", "two", "three"),
    ),
    Attack(
        "Bundle bomb",
        "serves a compressed bundle of 33 kB that expands to 1 GiB",
        NOTHING,
        bundle_bomb,
        "unpacking stops at the length that TUF names",
        r"unpacks to more than 10,240 bytes",
        error=Malformed,
    ),
    Attack(
        "Bundle of other bytes",
        "serves spying rules in the bundle's place",
        NOTHING,
        bundle_of_other_bytes,
        "SHA-256 of what was unpacked is the release's",
        r"what was unpacked is not the bundle",
        error=PeerLied,
    ),
    Attack(
        "Truncated bundle",
        "cuts the compressed bundle",
        NOTHING,
        bundle_cut,
        "a frame must end",
        r"compressed frame is cut off",
        error=Malformed,
    ),
    Attack(
        "Bundle member outside",
        "publishes a bundle with a member `rules/own/../../../../root/.profile`",
        PUBLISHER,
        member_outside,
        "members of a bundle are below rules/PART or hashes/PART",
        r"bundle: 'rules/own/\.\./.*\.profile' is not a path below",
        error=Malformed,
    ),
    Attack(
        "Bundle member absolute",
        "publishes a bundle with a member `/etc/cron.d/one`",
        PUBLISHER,
        member_absolute,
        "members of a bundle are below rules/PART or hashes/PART",
        r"bundle: '/etc/cron\.d/one' is not a path below",
        error=Malformed,
    ),
    Attack(
        "Link in a bundle",
        "publishes a bundle with a symbolic link to /etc/passwd",
        PUBLISHER,
        member_link,
        "members of a bundle are plain files",
        r"'rules/own/zz\.yar' is not one plain file",
        error=Malformed,
    ),
    Attack(
        "Target name outside",
        "publishes a second target `../../evil.tar`",
        PUBLISHER,
        target_outside,
        "names in a release are plain",
        r"'\.\./\.\./evil\.tar' can't name a bundle",
        error=Malformed,
    ),
    Attack(
        "Another channel's bundle",
        "publishes a bundle that was built for another channel",
        PUBLISHER,
        of_another_channel,
        "the manifest names the channel",
        r"the bundle was built for release 2 of channel other",
        error=PeerLied,
    ),
    Attack(
        "A bundle of the future",
        "publishes a bundle that was built for a later release",
        PUBLISHER,
        of_the_future,
        "the manifest names the release",
        r"the bundle was built for release 9 of channel bank",
        error=PeerLied,
    ),
    Attack(
        "Rules that read files",
        'publishes rules with `include "/etc/passwd"`',
        PUBLISHER,
        reads_files,
        "the compiler follows no include, and can open no file; what it rejects is left out and told",
        installs=("one",),
    ),
)
