"""Hash lists, STIX bundles, MISP events and archives of them: what is carried over and what is not."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.model import Severity
from overt.rules import archive
from overt.rules.imports.stix import file_digests
from tests.rules.intake import Imported

MD5, SHA1, SHA256 = (hashlib.new(name, b"known").hexdigest() for name in ("md5", "sha1", "sha256"))
EMPTY = hashlib.md5(b"").hexdigest()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{SHA256}\n", "list.txt"),
        (f"# comment\n\n{MD5.upper()}\n", "list.txt"),
        (f"{SHA256}  /tmp/evil name.exe\n", "/tmp/evil name.exe"),
        (f"{SHA1} *evil.exe\n", "evil.exe"),
        (f"SHA256 (evil.exe) = {SHA256}\n", "evil.exe"),
        (
            f"{MD5};Operation Something; see https://example.org\n",
            "Operation Something; see https://example.org",
        ),
        (f"{MD5},family\n{SHA1},family\n", "family"),
        (f"sha256,family,size\n{SHA256},Emotet,5\n", "Emotet"),
        (f"name;md5\nEmotet;{MD5}\n", "Emotet"),
        (
            f'# "first_seen","sha256_hash","md5_hash","signature"\n"2026", "{SHA256}", "{MD5}", "Emotet"\n',
            "Emotet",
        ),
    ],
)
def test_lists_of_every_style(text: str, name: str) -> None:
    imported = Imported("list.txt", text.encode())
    assert [finding.rule for finding in imported.match(b"known")] == [name] * len(imported.match(b"known"))
    assert imported.match(b"known") and not imported.match(b"other") and not imported.problems


def test_one_row_is_one_file_so_only_its_strongest_hash_is_kept() -> None:
    imported = Imported("a.csv", f"md5,sha1,sha256\n{MD5},{SHA1},{SHA256}\n".encode())
    assert len(imported.match(b"known")) == imported.hashes.count == 1


def test_lines_without_a_hash_and_the_empty_file_are_reported() -> None:
    imported = Imported("l.txt", f"{MD5}\n{SHA1}\nnonsense\n{EMPTY}\n".encode())
    assert [problem.split(": ", 1)[0] for problem in imported.problems] == ["l.txt:3", "l.txt:4"]
    assert not imported.match(b"")


def test_text_that_is_no_list_is_said_to_be_none() -> None:
    imported = Imported("readme.txt", b"This folder holds nothing.\nReally.\n")
    assert imported.problems == ["readme.txt: no rules or hashes recognised in this file"]


def bundle(pattern: str, **more: object) -> bytes:
    author = {"type": "identity", "id": "identity--1", "name": "Some Team"}
    indicator = {"type": "indicator", "id": "indicator--1", "name": "Bad", "pattern": pattern, "pattern_type": "stix",
                 "created_by_ref": "identity--1", **more}  # fmt: skip
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [author, indicator]}).encode()


@pytest.mark.parametrize(
    "pattern",
    [
        f"[file:hashes.'SHA-256' = '{SHA256}']",
        f"[file:hashes.MD5 = '{MD5}']",
        f"[file:hashes.\"SHA-1\"='{SHA1}' OR file:hashes.MD5 = '{EMPTY[::-1]}']",
        f"[file:hashes.MD5 = '{MD5}' AND file:size = 5 AND file:name = 'a b']",
        f"[file:hashes.MD5 = '{EMPTY[::-1]}'] OR [file:hashes.'SHA-256' = '{SHA256}']",
        f"[(file:hashes.MD5 IN ('{MD5}', '{EMPTY[::-1]}'))]",
    ],
)
def test_stix_patterns_of_hashes(pattern: str) -> None:
    imported = Imported("b.json", bundle(pattern, valid_until="2999-01-01T00:00:00Z"))
    (finding,) = imported.match(b"known")
    assert (finding.rule, finding.author) == ("Bad", "Some Team")
    assert not imported.problems


@pytest.mark.parametrize(
    ("pattern", "more", "reason"),
    [
        ("[domain-name:value = 'example.org']", {}, "domain-name:value is not the hash of a file"),
        (f"[file:hashes.MD5 = '{MD5}'] AND [file:hashes.MD5 = '{EMPTY}']", {}, "several observations"),
        (f"[file:hashes.MD5 = '{MD5}']", {"valid_until": "2001-01-01T00:00:00Z"}, "expired"),
        (f"[file:hashes.MD5 = '{MD5}']", {"valid_until": "soon"}, "is no timestamp"),
        (f"[file:hashes.MD5 = '{MD5}']", {"revoked": True}, "revoked"),
        ("[file:hashes.MD5 = 'nonsense']", {}, "is no hash"),
        ("[file:hashes.MD5 != '", {}, "can't be read"),
        ("", {}, "no pattern"),
        ("title: x", {"pattern_type": "sigma"}, "pattern type 'sigma'"),
    ],
)
def test_stix_indicators_that_are_not_carried_over(
    pattern: str, more: dict[str, object], reason: str
) -> None:
    imported = Imported("b.json", bundle(pattern, **more))
    (problem,) = imported.problems
    assert reason in problem and "Bad" in problem
    assert not imported.match(b"known")


def test_a_yara_indicator_is_a_rule() -> None:
    imported = Imported(
        "b.json", bundle('rule seen { strings: $a = "known" condition: $a }', pattern_type="yara")
    )
    assert imported.names(b"known") == {"seen"}


@given(st.text(alphabet="[]()' =file:hashes.MD5ANDOR\\", max_size=60))
def test_no_pattern_makes_stix_fail(pattern: str) -> None:
    try:
        list(file_digests(pattern))
    except ValueError as error:
        assert str(error)


def event(*attributes: dict[str, object]) -> bytes:
    inner = {"info": "Campaign", "uuid": "u1", "threat_level_id": "1", "Orgc": {"name": "CERT"},
             "Attribute": list(attributes[:1]), "Object": [{"Attribute": list(attributes[1:])}]}  # fmt: skip
    return json.dumps({"response": [{"Event": inner}]}).encode()


def test_misp_attributes() -> None:
    imported = Imported(
        "e.json",
        event(
            {"type": "sha256", "value": SHA256, "to_ids": True, "comment": "dropper"},
            {"type": "filename|md5", "value": f"a|b.exe|{MD5}", "to_ids": True},
            {"type": "yara", "value": 'rule seen { strings: $a = "known" condition: $a }', "uuid": "u2"},
            {"type": "sha1", "value": SHA1, "to_ids": False},
            {"type": "ip-dst", "value": "192.0.2.1", "to_ids": True},
            {"type": "md5", "value": "short", "to_ids": True},
        ),
    )
    findings = imported.match(b"known")
    assert {finding.rule for finding in findings} == {"seen", "Campaign"}
    assert {(f.author, f.severity) for f in findings if f.rule == "Campaign"} == {("CERT", Severity.CRITICAL)}
    assert len(imported.problems) == 3
    assert any("ip-dst is not the hash of a file: 192.0.2.1" in problem for problem in imported.problems)


RULE = b'rule seen { strings: $a = "known" condition: $a }'


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_archives_of_rules(mode: str) -> None:
    members = {"rules/a.yar": RULE, "hashes.csv": f"md5\n{MD5}\n".encode(), "picture.png": b"\x89PNG"}
    data = zipped(members) if mode == "zip" else tarred(members, mode)
    imported = Imported("set.archive", data)
    assert imported.names(b"known") == {"seen", "hashes.csv"}
    assert not imported.problems


def test_archives_inside_archives_have_an_end() -> None:
    data = RULE
    for _ in range(6):
        data = zipped({"inner.yar": data})
    assert any("depth" in problem for problem in Imported("outer.zip", data).problems)


@pytest.mark.parametrize(
    "data",
    [zipped({"a.yar": RULE})[:40], gzip.compress(b"x")[:9], tarred({"a.yar": RULE}, "w:gz")[:60]],
    ids=["zip", "gzip", "tar.gz"],
)
def test_damaged_archives_are_reported(data: bytes) -> None:
    (problem,) = Imported("broken.zip", data).problems
    assert "broken.zip" in problem


def test_bombs_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1 << 20)
    (problem,) = Imported("bomb.zip", zipped({"a.txt": bytes(3 << 20)})).problems
    assert "unpacks to more" in problem
