"""What a product changed, from a real overlay's upper layer and from plain folders."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from overt.conduct.evidence.marks import mark_of
from overt.conduct.evidence.records import Change, Changed
from overt.conduct.observe import certificates
from overt.conduct.observe.changes import ChangeObserver, Place
from overt.conduct.observe.manifest import CHUNK_BYTES
from tests.conduct.observe.stage import Stage, mount, needs_root, on_stage


def certificate(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def pem(name: str) -> bytes:
    return certificate(name)[0].public_bytes(serialization.Encoding.PEM)


def changed(changes: list[Change]) -> dict[str, tuple[str, str]]:
    assert len({change.path for change in changes}) == len(changes)
    return {change.path: (str(change.changed), change.detail) for change in changes}


def on_overlay(stage: Stage) -> tuple[list[Change], list[Change], list[Change]]:
    lower = stage.work / "scene/lower"
    (lower / "etc/old").mkdir(parents=True)
    for path in (
        "etc/hosts",
        "etc/mode",
        "etc/gone",
        "etc/kept",
        "etc/old/one",
        "etc/old/two",
        "etc/swapped",
    ):
        (lower / path).write_text(path)
    (lower / "etc/bundle.pem").write_bytes(pem("First"))
    (lower / "etc/real").mkdir()
    (lower / "etc/alias").symlink_to("real")
    upper, kernel, merged = (stage.work / "scene" / name for name in ("upper2", "kernel2", "merged2"))
    for folder in (upper, kernel, merged):
        folder.mkdir()
    mount("overlay", merged, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={kernel}")
    (merged / "etc/lab").write_text("the lab's own")
    observer = ChangeObserver((Place(upper, "/", (lower,)),), ignored=("/etc/ours",))
    observer.rebase()

    (merged / "etc/hosts").write_text("changed")
    (merged / "etc/mode").chmod(0o4755)
    (merged / "etc/gone").unlink()
    with open(merged / "etc/kept", "r+") as stream:
        stream.read()
    shutil.rmtree(merged / "etc/old")
    (merged / "etc/new").mkdir()
    (merged / "etc/new/file").write_text("new")
    (merged / "etc/ours").write_text("ignored")
    (merged / "etc/swapped").unlink()
    (merged / "etc/swapped").symlink_to("/etc/hosts")
    with open(merged / "etc/bundle.pem", "ab") as stream:
        stream.write(pem("Planted"))
    os.mkfifo(merged / "etc/pipe")
    first = observer.step(1)

    (merged / "etc/old").mkdir()
    (merged / "etc/old/one").write_text("again")
    (merged / "etc/new/file").unlink()
    os.setxattr(merged / "etc/lab", "user.note", b"x")
    second = observer.step(2)
    return first, second, observer.step(3)


@needs_root
def test_what_an_upper_layer_tells(tmp_path: Path) -> None:
    first, second, third = on_stage(on_overlay, tmp_path)
    seen = changed(first)
    assert seen.pop("/etc/bundle.pem")[1].startswith("certificates: added CN=Planted (an authority, until ")
    assert seen == {
        "/etc/hosts": ("modified", ""),
        "/etc/mode": ("attributes", "mode 0644 → 4755; set-user-ID"),
        "/etc/gone": ("removed", ""),
        "/etc/old": ("removed", ""),
        "/etc/old/one": ("removed", ""),
        "/etc/old/two": ("removed", ""),
        "/etc/new": ("added", ""),
        "/etc/new/file": ("added", ""),
        "/etc/swapped": ("modified", "was a file; target none → /etc/hosts"),
        "/etc/pipe": ("added", ""),
    }
    assert next(one for one in first if one.path == "/etc/pipe").kind == "fifo"
    assert changed(second) == {
        "/etc/old": ("added", ""),
        "/etc/old/one": ("added", ""),
        "/etc/new/file": ("removed", ""),
        "/etc/lab": ("attributes", "attribute user.note set"),
    }
    assert third == []


def test_folders_without_layers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "letters").mkdir(parents=True)
    (home / "letters/one").write_text("one")
    (home / "letters/two").write_text("two")
    observer = ChangeObserver((Place(home, "/home"),))
    observer.rebase()

    stamp = (home / "letters/one").stat()
    (home / "letters/one").write_text("eno")
    os.utime(home / "letters/one", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (home / "letters/two").unlink()
    (home / "deep").mkdir()
    (home / "escape").symlink_to("/etc")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home / "socket"))
    seen = observer.step(7)
    assert changed(seen) == {
        "/home/letters/one": ("modified", ""),
        "/home/letters/two": ("removed", ""),
        "/home/deep": ("added", ""),
        "/home/escape": ("added", "target /etc"),
        "/home/socket": ("added", ""),
    }
    assert {change.step for change in seen} == {7}
    assert next(one for one in seen if one.path == "/home/socket").kind == "socket"


def test_forged_updates_are_found_wherever_they_lie_in_a_file(tmp_path: Path) -> None:
    mark = mark_of("x")
    observer = ChangeObserver((Place(tmp_path, "/opt"),))
    observer.rebase()
    for name, before in (
        ("alone", 0),
        ("between", CHUNK_BYTES - 9),
        ("late", 2 * CHUNK_BYTES + 5),
        ("a.pem", 7),
    ):
        (tmp_path / name).write_bytes(b"x" * before + mark.encode() + b"y")
    (tmp_path / "none").write_text(mark[:-1])
    marks = {change.path: change.mark for change in observer.step(1)}
    (tmp_path / "late").unlink()
    assert marks == {
        **dict.fromkeys(("/opt/alone", "/opt/between", "/opt/late", "/opt/a.pem"), mark),
        "/opt/none": "",
    }
    assert [change.mark for change in observer.step(2)] == [""], "of what is gone nothing is known"


def test_content_of_planted_files_is_found_wherever_it_lies_in_a_file(tmp_path: Path) -> None:
    tokens = sorted(f"ovt{letter * 24}" for letter in "abc")
    observer = ChangeObserver((Place(tmp_path, "/opt"),))
    observer.rebase()
    one, two, three = (token.encode() for token in tokens)
    (tmp_path / "joined").write_bytes(
        two + b" " * (CHUNK_BYTES - 40) + one + b" " * CHUNK_BYTES + three + two
    )
    (tmp_path / "a.pem").write_bytes(b"-" + three)
    (tmp_path / "none").write_bytes(one[:-1] + b" " + one.upper())
    assert {change.path: change.tokens for change in observer.step(1)} == {
        "/opt/joined": tuple(tokens),
        "/opt/a.pem": (tokens[2],),
        "/opt/none": (),
    }


def test_folders_too_deep_to_look_at_are_counted(tmp_path: Path) -> None:
    observer = ChangeObserver((Place(tmp_path, "/home"),))
    observer.rebase()
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        assert len(observer.step(1)) > 100 and observer.too_deep == 1
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


@needs_root
def test_capabilities_of_a_file_are_named(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("")
    observer = ChangeObserver((Place(tmp_path, "/opt"),))
    observer.rebase()
    subprocess.run(["setcap", "cap_net_raw,cap_bpf+ep", program], check=True)
    (seen,) = observer.step(1)
    assert (seen.changed, seen.detail) == (Changed.ATTRIBUTES, "capabilities CAP_NET_RAW CAP_BPF")
    assert stat.S_ISREG(program.stat().st_mode)


def test_certificates_are_found_in_what_programs_trust(tmp_path: Path) -> None:
    made, key = certificate("Root")
    archive = pkcs12.serialize_key_and_certificates(
        None, None, None, [made], serialization.BestAvailableEncryption(b"changeit")
    )
    der = made.public_bytes(serialization.Encoding.DER)
    java = (
        b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\2\0\4root"
        + bytes(8)
        + b"\0\5X.509"
        + len(der).to_bytes(4, "big")
        + der
    )
    for content in (pem("Root"), der, archive, java + bytes(20), b"text\n" + pem("Root") + b"more\n"):
        (words,) = certificates.found(content).values()
        assert words.startswith("CN=Root (an authority, until ")
    assert certificates.found(b"-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----") == {}
    assert key.key_size == 256


def test_certificates_are_found_in_a_database_of_browsers(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(pem("Browser Root"))
    subprocess.run(["certutil", "-d", f"sql:{tmp_path}", "-N", "--empty-password"], check=True, timeout=300)
    add = ["certutil", "-d", f"sql:{tmp_path}", "-A", "-n", "root", "-t", "C,,", "-i", tmp_path / "root.pem"]
    subprocess.run(add, check=True, timeout=300)
    (words,) = certificates.found((tmp_path / "cert9.db").read_bytes()).values()
    assert words.startswith("CN=Browser Root (an authority")
