"""Bundles: rebuilt bit for bit, read strictly, and small to send."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.channel import bundle, delta, layout, manifest, release
from overt.channel.publisher import build, sources
from overt.channel.publisher.sources import Origin, Override, Revocation, Sources
from overt.core.errors import ChannelError, Malformed, PeerLied, UsageError
from overt.rules.compile import RuleText
from overt.rules.review import Level, RuleReview

RULES = {
    "good.yar": '/* a licence\n   header */\nimport "pe"\n'
    'rule one { meta: author = "Ada" strings: $a = "abc-one-xyz" condition: uint16(0) == 0x5a4d and $a }\n'
    "rule two { condition: one and filesize < 9 }\n",
    "more/ünïcode name.yar": 'rule three { strings: $a = "abc-three-xyz" condition: uint16(0) == 0x5a4d and $a }\r\n',
}
HASHES = "sha256,size,name\n" + "".join(
    f"{hashlib.sha256(b'%d' % n).hexdigest()},{n},bad {n}\n" for n in range(50)
)
MD5 = f"{hashlib.md5(b'x').hexdigest()}  bad.exe\n"
REBUILD = """
import os, sys, time
from pathlib import Path
os.umask(int(sys.argv[3], 8))
from overt.channel.publisher import build, sources
made = build.build("acme", 7, sources.read(Path(sys.argv[1])), build.static_review)
Path(sys.argv[2]).write_bytes(made.data)
"""
SOURCES = """
[[source]]
name = "own"
paths = ["rules", "bad.csv", "bad.md5"]
author = "Example CERT"
licence = "Apache-2.0"
origin = "https://example.org/own"
content = "program"
"""


def write_sources(folder: Path, order: int = 1) -> Path:
    """The same sources, written in another order."""
    files = {**{f"rules/{name}": text for name, text in RULES.items()}, "bad.csv": HASHES, "bad.md5": MD5}
    for name in list(files)[::order]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name].encode())
    (folder / "sources.toml").write_text(SOURCES)
    return folder / "sources.toml"


def origins(folder: Path) -> Sources:
    return sources.read(write_sources(folder))


def test_two_builds_elsewhere_and_otherwise_are_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for number, (umask, zone, seed) in enumerate((("022", "UTC", "1"), ("077", "Pacific/Apia", "2"))):
        path = write_sources(tmp_path / ("x" * (number + 1)), -1 if number else 1)
        for source in path.parent.rglob("*"):
            os.utime(source, (number * 10**9, number * 10**9))
        target = tmp_path / f"{number}.tar"
        subprocess.run(
            [sys.executable, "-c", REBUILD, str(path), str(target), umask],
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C"},
            cwd=path.parent,
            check=True,
        )
        made.append(target.read_bytes())
    assert made[0] == made[1]
    contents = bundle.read(made[0]).manifest
    assert (contents.channel, contents.serial, len(contents.rules)) == ("acme", 7, 3)


def test_tar_shows_what_is_in_it(tmp_path: Path) -> None:
    made = build.build("acme", 0, origins(tmp_path))
    path = tmp_path / "rules.tar"
    path.write_bytes(made.data)
    listed = subprocess.run(["tar", "-tf", str(path)], capture_output=True, check=True, text=True).stdout
    assert listed.split() == [
        "hashes/own/md5.jsonl",
        "hashes/own/sha256.jsonl",
        "manifest.json",
        "rules/own/good.yar",
        "rules/own/more/_n_code",
        "name.yar",
    ]
    with tarfile.open(path) as archive:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in archive} == {(0, 0, 0, "", 0o644)}


def test_the_manifest_names_every_rule_and_whose_it_is(tmp_path: Path) -> None:
    made = build.build("acme", 0, origins(tmp_path), build.static_review)
    rules = {rule.name: rule for rule in made.manifest.rules}
    assert sorted(rules) == ["one", "three", "two"]
    one = rules["one"]
    assert (one.name, one.author, one.licence, one.source, one.line) == (
        "one",
        "Ada",
        "Apache-2.0",
        "https://example.org/own",
        4,
    )
    assert (rules["two"].author, rules["three"].author) == ("Example CERT", "Example CERT")
    assert one.review["level"] == "pass"
    text = bundle.read(made.data).files[one.file].decode()
    assert text == RULES["good.yar"]  # as written, comments with the licence included
    lists = {item.algorithm: item.entries for item in made.manifest.hashes}
    assert lists == {"md5": 1, "sha256": 50}


def test_hash_lists_keep_whole_digests_in_order(tmp_path: Path) -> None:
    made = bundle.read(build.build("acme", 0, origins(tmp_path)).data)
    path = "hashes/own/sha256.jsonl"
    entries = list(bundle.hash_entries(path, made.files[path]))
    assert [entry.digest for entry in entries] == sorted(
        hashlib.sha256(b"%d" % n).hexdigest() for n in range(50)
    )
    assert {entry.name: entry.size for entry in entries}["bad 7"] == 7


@pytest.mark.parametrize(
    "line",
    [
        b'{"digest":"%s","name":"x"}' % (b"a" * 64),
        b'{"name":"x","digest":"%s"}\n' % (b"a" * 64),
        b'{"digest":"%s","name":"x"}\n' % (b"A" * 64),
        b'{"digest":"%s","name":"x"}\n' % (b"a" * 32),
        b'{"digest":"%s","name":"x","size":-1}\n' % (b"a" * 64),
        b'{"digest":"%s","name":"x","size":true}\n' % (b"a" * 64),
        b'{"digest":"%s","name":"x","other":1}\n' % (b"a" * 64),
        b'{"digest":"%s","name":7}\n' % (b"a" * 64),
        b"[]\n",
        b"\n",
        b"\xff\n",
    ],
)
def test_odd_hash_lines_are_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        list(bundle.hash_entries("hashes/own/sha256.jsonl", line))


def test_hash_lines_out_of_order_or_twice_are_refused() -> None:
    line = b'{"digest":"%s","name":"x"}\n' % (b"a" * 64)
    before = line.replace(b"aaaa", b"0aaa", 1)
    assert len(list(bundle.hash_entries("hashes/own/sha256.jsonl", before + line))) == 2
    for data in (line + before, line + line):
        with pytest.raises(Malformed):
            list(bundle.hash_entries("hashes/own/sha256.jsonl", data))


def test_a_broken_rule_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text("rule good { condition: true }\nrule bad { condition: nonsense }\n")
    made = build.build("acme", 0, plain(tmp_path / "a.yar"))
    assert [rule.name for rule in made.manifest.rules] == ["good"]
    assert made.problems[0].line == 2
    assert all(b"nonsense" not in data for data in bundle.read(made.data).files.values())


def plain(*paths: Path) -> Sources:
    return Sources((Origin("own", tuple(map(str, paths)), "a", "l", "o"),))


def refusing(texts: Sequence[RuleText]) -> Iterator[RuleReview]:
    for text in texts:
        yield RuleReview(text.pack, text.source, "spy", 1, Level.REFUSE, 100)
        yield RuleReview(text.pack, text.source, "odd", 2, Level.EXPLAIN, 40)


def test_a_refused_rule_needs_a_written_reason(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text("rule spy { condition: true }\nrule odd { condition: true }\n")
    wanted = plain(tmp_path / "a.yar")
    with pytest.raises(ChannelError, match="spy: refuse, odd: explain"):
        build.build("acme", 0, wanted, refusing)
    reasons = Sources(wanted.source, (Override("spy", "asked by court"), Override("odd", "seen in the wild")))
    made = build.build("acme", 0, reasons, refusing)
    assert {rule.name: rule.override for rule in made.manifest.rules} == {
        "spy": "asked by court",
        "odd": "seen in the wild",
    }
    with pytest.raises(UsageError, match="no rule of this name"):
        build.build("acme", 0, Sources(wanted.source, (*reasons.override, Override("none", "why"))), refusing)
    with pytest.raises(UsageError, match="a reason must be written"):
        build.build("acme", 0, Sources(wanted.source, (Override("spy", " "),)), refusing)


def test_hashes_of_who_knows_what_need_a_reason(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(HASHES)
    with pytest.raises(ChannelError, match=r"hashes/own/sha256\.jsonl: explain"):
        build.build("acme", 0, plain(tmp_path / "bad.csv"), build.static_review)
    reason = Override("hashes/own/sha256.jsonl", "programs, from our own sandbox")
    wanted = Sources(plain(tmp_path / "bad.csv").source, (reason,))
    made = build.build("acme", 0, wanted, build.static_review)
    assert made.manifest.hashes[0].override == reason.reason


def test_revoked_rules_and_those_that_need_them_stay_out(tmp_path: Path) -> None:
    sources_of = origins(tmp_path)
    revoked = Sources(sources_of.source, revoked=(Revocation("one", 3, "false positives"),))
    made = build.build("acme", 4, revoked)
    assert [rule.name for rule in made.manifest.rules] == ["three"]
    again = build.build("acme", 5, sources_of, revoked=made.manifest.revoked)
    assert [rule.name for rule in again.manifest.rules] == ["three"]
    assert again.manifest.revoked == made.manifest.revoked
    restored = Sources(sources_of.source, restored=("one",))
    assert len(build.build("acme", 6, restored, revoked=made.manifest.revoked).manifest.rules) == 3


@pytest.mark.parametrize(
    "text, message",
    [
        ("nonsense", "Expected|expected"),
        ('[[source]]\nname = "x"\n', "paths"),
        (SOURCES.replace("licence", "license"), "license"),
        (SOURCES.replace('"own"', '"../x"'), "source name"),
        (SOURCES + SOURCES, "source name"),
        (SOURCES.replace("Example CERT", ""), "no author"),
        (SOURCES + '[[revoked]]\nrule = "x"\nserial = 1\nreason = ""\n', "reason"),
    ],
)
def test_mistakes_in_sources_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        sources.read(path)


def made_bundle(files: dict[str, bytes] | None = None) -> bytes:
    part = manifest.Part("own", "a", "l", "o")
    found = files or {"rules/own/a.yar": b"rule a { condition: true }\n"}
    rules = tuple(
        manifest.Rule(
            "a", path, 1, "own", "a", "l", "o", "", "high", "0" * 64, {"level": "pass", "grounds": []}, None
        )
        for path in found
    )
    contents = manifest.Manifest(manifest.SCHEMA, "acme", 0, "test", (part,), rules, (), ())
    return bundle.build(contents, found)


@pytest.mark.parametrize(
    "path",
    [
        "../a.yar",
        "/etc/passwd",
        "rules/own/../../../a",
        "rules/own//a.yar",
        "rules/own/./a.yar",
        "rules/other/a.yar",
        "rules/a.yar",
        "hashes/own/a.yar",
        "hashes/own/sha512.jsonl",
        "rules/own/a\n.yar",
        "rules/own/c:\\a",
        "rules/own/aé.yar",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(Malformed):
        made_bundle({path: b"x"})


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for header, data in members:
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return target.getvalue()


def test_another_encoding_of_the_same_contents_is_refused() -> None:
    data = made_bundle()
    files = {**bundle.read(data).files, manifest.PATH: manifest.encode(bundle.read(data).manifest)}
    plain_members = [(tarfile.TarInfo(name), files[name]) for name in sorted(files)]
    assert archive(*plain_members) == data
    late = [(tarfile.TarInfo(name), files[name]) for name in sorted(files)]
    late[0][0].mtime = 1
    link = tarfile.TarInfo("rules/own/b.yar")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for other in (
        archive(*reversed(plain_members)),
        archive(*late),
        archive(*plain_members, (link, b"")),
        archive(*plain_members, plain_members[0]),
        archive(plain_members[1]),
        data + bytes(512),
        data[:-1024],
        data[:600],
        b"",
    ):
        with pytest.raises(Malformed):
            bundle.read(other)


def test_a_sparse_member_is_no_bomb() -> None:
    header = tarfile.TarInfo("rules/own/a.yar")
    header.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(1 << 50),
    }
    with pytest.raises(Malformed):
        bundle.read(archive((header, b"1\n0\n0\n" + bytes(506))))


BUNDLE = made_bundle()


@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_every_changed_byte_is_refused_or_read_as_it_stands(place: int, change: int) -> None:
    data = bytearray(BUNDLE)
    data[place] ^= change
    try:
        found = bundle.read(bytes(data))
    except Malformed:
        return
    assert bundle.build(found.manifest, found.files) == bytes(data)


def test_a_bundle_travels_whole_or_as_a_patch() -> None:
    old = os.urandom(1 << 20)
    new = old[: 1 << 19] + b"inserted" + old[1 << 19 :]
    sha256 = hashlib.sha256(new).hexdigest()
    assert delta.decompress(delta.compress(new), sha256) == new
    patch = delta.make_patch(old, new)
    assert len(patch) < 500
    assert delta.apply_patch(old, patch, sha256) == new
    for broken in (patch[:-3], patch + b"x", delta.compress(new)[: 1 << 18], b"", b"nonsense"):
        with pytest.raises((Malformed, PeerLied)):
            delta.apply_patch(old, broken, sha256)
    with pytest.raises((Malformed, PeerLied)):
        delta.apply_patch(old[::-1], patch, sha256)


def test_bombs_stop_at_the_limit() -> None:
    bomb = delta.compress(bytes(64 << 20))
    with pytest.raises(Malformed, match="more than"):
        delta.decompress(bomb, "0" * 64, 1 << 20)
    with pytest.raises(Malformed, match="more than"):
        delta.apply_patch(b"x" * 100, delta.make_patch(b"x" * 100, bytes(64 << 20)), "0" * 64, 1 << 20)


SHA = "ab" * 32
RELEASE = release.Release(3, release.Pinned(1, SHA), release.Pinned(2, SHA), {"rules.tar": SHA})


def test_a_release_is_small_and_has_one_encoding() -> None:
    assert release.parse(RELEASE.encode()) == RELEASE
    assert len(RELEASE.encode()) < 300


@pytest.mark.parametrize(
    "old, new",
    [
        (b'"serial":3', b'"serial":-1'),
        (b'"serial":3', b'"serial":true'),
        (b'"serial":3', b'"serial":3.0'),
        (b'"serial":3', b'"serial":"3"'),
        (b'"root":[1,', b'"root":[0,'),
        (b'"root":[1,', b'"root":[1,1,'),
        (b'"abab', b'"ABab'),
        (b'"abab', b'"ab'),
        (b'"rules.tar"', b'"../x"'),
        (b'{"rules.tar":"' + SHA.encode() + b'"}', b"{}"),
        (b'{"bundles"', b'{"also":1,"bundles"'),
        (b'{"bundles"', b' {"bundles"'),
    ],
)
def test_odd_releases_are_refused(old: bytes, new: bytes) -> None:
    data = RELEASE.encode()
    assert old in data
    with pytest.raises(Malformed):
        release.parse(data.replace(old, new, 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_encode_to_themselves(data: bytes) -> None:
    for parse in (release.parse, manifest.parse):
        try:
            found = parse(data)
        except Malformed:
            continue
        assert release.parse(data).encode() == data if isinstance(found, release.Release) else True


def test_paths_in_the_tree_can_only_be_made_of_hashes() -> None:
    assert layout.bundle(SHA) == f"bundles/{SHA}.tar.zst"
    for bad in ("", "../" + SHA, SHA.upper(), SHA + "/", SHA[:-1]):
        with pytest.raises(ValueError):
            layout.bundle(bad)
