"""Forged updates fit what was asked for, are found again, and show it when they are executed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
import xml.etree.ElementTree
import zipfile
from pathlib import Path

import pytest

from overt.conduct.evidence.marks import mark_of, trace_of
from overt.conduct.sink import forgery, responses
from overt.conduct.sink.forgery import Forging, changed, made_up
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.responses import Asked, Folder, Responder, Response

MARK, HOST = mark_of("GET", "up.example", "/x"), "up.example"


def executed(program: bytes, interpreter: str = "sh") -> bool:
    """Whether running it leaves its trace, and nothing but that."""
    place = Path("/var/tmp") / trace_of(MARK)
    try:
        done = subprocess.run([interpreter], input=program, capture_output=True, check=False, timeout=60)
        return done.stderr == b"" and place.exists()
    finally:
        place.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["/a.sh", "/a.exe", "/latest", "/engine.bin"])
def test_a_program_shows_that_it_was_executed(name: str) -> None:
    body = made_up(name, MARK, HOST).body
    assert MARK.encode() in body and trace_of(MARK).encode() not in body
    assert executed(body)


def test_a_python_program_does_too() -> None:
    assert executed(made_up("/a.py", MARK, HOST).body, "python3")


def test_every_ending_has_a_body_that_fits() -> None:
    def of(name: str) -> bytes:
        return made_up(name, MARK, HOST).body

    assert json.loads(of("/update.json"))["id"] == MARK
    assert xml.etree.ElementTree.fromstring(of("/update.xml")).findtext("id") == MARK
    with zipfile.ZipFile(io.BytesIO(of("/defs.zip"))) as archive:
        assert executed(archive.read("update.sh"))
    for name in ("/defs.tar", "/defs.tar.gz", "/defs.tgz", "/defs.tar.bz2", "/defs.tar.xz"):
        with tarfile.open(fileobj=io.BytesIO(of(name))) as archive:
            assert "rules.yar" in archive.getnames()
    assert of("/daily.cvd").startswith(b"ClamAV-VDB:") and len(of("/daily.cvd")) > 512
    assert f"rule {MARK}".encode() in of("/defs.yar")


def test_a_package_is_one_that_dpkg_reads(tmp_path: Path) -> None:
    package = tmp_path / "a.deb"
    package.write_bytes(made_up("/a.deb", MARK, HOST).body)
    done = subprocess.run(
        ["dpkg-deb", "--field", str(package), "Package"], capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().strip() == MARK


def test_a_manifest_leads_to_what_it_says() -> None:
    manifest = json.loads(made_up("/update.json", MARK, HOST).body)
    path = manifest["url"].removeprefix(f"https://{HOST}")
    behind = made_up(path, forgery.behind(path), HOST)
    assert hashlib.sha256(behind.body).hexdigest() == manifest["sha256"]
    assert forgery.behind(path) not in json.dumps(manifest), "a note of it is no copy of it"


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_a_true_answer_is_changed_in_its_own_form() -> None:
    def of(name: str, true: bytes) -> bytes:
        return changed(name, true, MARK).body

    assert executed(of("/a.sh", b"#!/bin/sh\ntrue\n"))
    assert json.loads(of("/a.json", b'{"version": 3}\n'))["version"] == 3
    assert json.loads(of("/a.json", b"{}")) and json.loads(of("/a.json", b'["a"]\n'))[0] == "a"
    assert of("/a.hdb", b"44d8:68:Test\n") == b"44d8:68:Test\n44d8:68:Test" + MARK.encode() + b"\n"
    assert of("/a.bin", b"\xff\x00\xfe") == b"\xff\x00\xfe\n" + MARK.encode()
    assert MARK.encode() in gzip.decompress(of("/a.txt.gz", gzip.compress(b"one\n")))
    forged = changed("/a.zip", zipped("in/b.json", b'{"a": 1}'), MARK)
    with zipfile.ZipFile(io.BytesIO(forged.body)) as archive:
        inner = archive.read("in/b.json")
    assert json.loads(inner)["a"] == 1 and MARK.encode() in inner
    assert hashlib.sha256(inner).hexdigest() in forged.digests


@pytest.mark.parametrize("true", [b"PK\x03\x04 no archive", b"\x1f\x8bno", b"BZh9no", b"", b"\n", b"{", b"<"])
def test_what_only_looks_like_its_form_is_changed_as_bytes(true: bytes) -> None:
    assert MARK.encode() in changed("/x", true, MARK).body


def test_damaged_archives_are_changed_as_bytes() -> None:
    chance = random.Random(5)
    whole = [
        made_up(name, mark_of("other"), HOST).body for name in ("/a.zip", "/a.tar", "/a.tar.gz", "/a.tar.xz")
    ]
    for _ in range(400):
        damaged = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert changed("/a", bytes(damaged[: chance.randint(1, len(damaged))]), MARK).body


def responder(forging: Forging, **hosts: Folder) -> Responder:
    known = {name.replace("_", "."): folder for name, folder in hosts.items()}
    return Responder(Resolver(Names(NAMES4, NAMES6)), known, forging)


def asking(one: Responder, path: str, method: str = "GET", host: str = HOST, **headers: str) -> Response:
    return one.answer(Asked(method, host, path, headers))


def test_updates_are_forged_only_while_that_goes_on() -> None:
    forging = Forging()
    one = responder(forging)
    assert (asking(one, "/defs.zip").status, asking(one, "/defs.zip").offered) == (404, None)
    with forging.going_on():
        first, second = asking(one, "/defs.zip"), asking(one, "/defs.zip")
        assert first.status == 200 and first.offered and first.offered.kind == "zip"
        assert (first.body, first.offered) == (second.body, second.offered)
    assert asking(one, "/defs.zip").offered is None


@pytest.mark.parametrize(
    ("method", "path", "offered"),
    [
        ("GET", "/a.exe", True),
        ("GET", "/generate_204", False),
        ("GET", "/connecttest.txt", False),
        ("POST", "/api/update", True),
        ("POST", "/defs.sig", True),
        ("POST", "/u", False),
        ("POST", "/telemetry", False),
        ("PUT", "/update", False),
    ],
)
def test_telemetry_is_no_wish_for_an_update(method: str, path: str, offered: bool) -> None:
    forging = Forging()
    with forging.going_on():
        assert (asking(responder(forging), path, method).offered is not None) is offered


def test_a_recorded_answer_is_forged_whole_and_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defs.json").write_text('{"v": 1}')
    forging = Forging()
    one = responder(forging, up_example=Folder.read(tmp_path))
    true = asking(one, "/defs.json")
    tag = dict(true.headers)["ETag"]
    assert asking(one, "/defs.json", **{"if-none-match": tag}).status == 304 and true.offered is None
    with forging.going_on():
        forged = asking(one, "/defs.json", **{"if-none-match": tag, "range": "bytes=0-1"})
        assert forged.offered and forged.offered.varies and json.loads(forged.body)["v"] == 1
        monkeypatch.setattr(responses, "MAX_TRUE_BYTES", 3)
        large = asking(one, "/defs.json").offered
        assert large and large.varies, "too large to be changed: another comes in its place"
        assert (asking(one, "/other.zip").status, asking(one, "/other.zip").offered) == (404, None)


def test_somebody_else_serves_his_own_in_a_channels_place(tmp_path: Path) -> None:
    for name in ("true", "forged"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "root.json").write_text(name)
        (tmp_path / name / "same").write_text("same")
    forging = Forging()
    hosts = {HOST: Folder.read(tmp_path / "true"), f"forged.{HOST}": Folder.read(tmp_path / "forged")}
    one = Responder(Resolver(Names(NAMES4, NAMES6)), hosts, forging)
    with forging.going_on():
        found = asking(one, "/root.json")
        assert b"".join(found.chunks()) == b"forged" and found.offered and found.offered.varies
        assert asking(one, "/same").offered is None, "nobody forged what is the same"
    assert asking(one, "/root.json").offered is None
    assert asking(one, "/root.json", host=f"forged.{HOST}").offered is not None
