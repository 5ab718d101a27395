"""Names are resolved by DNS from inside the confinement, in a network of the test's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require

pytestmark = pytest.mark.kernel

SCRIPT = """
import fcntl, os, socket, struct, subprocess, sys, threading
from pathlib import Path
from overt.core.errors import EgressError
from overt.egress.courier import Courier
from overt.egress.job import Job
from tests.egress.conftest import PATIENT
from tests.egress.servers import body, saying, serving

tmp, protocol = Path(sys.argv[1]), sys.argv[2]
up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: UP | LOOPBACK | RUNNING
for name, text in (("resolv.conf", "nameserver 127.0.0.1\\n"), ("nsswitch.conf", "hosts: files dns\\n")):
    (tmp / name).write_text(text)
    subprocess.run(["mount", "--bind", tmp / name, f"/etc/{name}"], check=True)


def answer(question):
    "An A record of 127.0.0.1 for every name but those in .invalid; no AAAA."
    end = question.index(b"\\0", 12) + 5
    wanted = struct.unpack_from("!H", question, end - 4)[0]
    known = b"invalid" not in question
    found = known and wanted == 1
    head = question[:2] + struct.pack("!HHHHH", 0x8180 | (0 if known else 3), 1, int(found), 0, 0)
    record = b"\\xc0\\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.1")
    return head + question[12:end] + (record if found else b"")


def by_udp(listening):
    while True:
        question, peer = listening.recvfrom(512)
        if protocol == "tcp":  # truncated: ask again by TCP
            listening.sendto(question[:2] + struct.pack("!HHHHH", 0x8380, 1, 0, 0, 0) + question[12:], peer)
        else:
            listening.sendto(answer(question), peer)


def by_tcp(listening):
    while True:
        connection, _ = listening.accept()
        with connection:
            while length := connection.recv(2):
                reply = answer(connection.recv(struct.unpack("!H", length)[0]))
                connection.sendall(struct.pack("!H", len(reply)) + reply)


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 53))
threading.Thread(target=by_udp, args=(udp,), daemon=True).start()
threading.Thread(target=by_tcp, args=(socket.create_server(("127.0.0.1", 53)),), daemon=True).start()
with serving(saying(body(b"hello"))) as server:
    job = Job(f"http://rules.example.org:{server.port}/", tmp / "spool", limits=PATIENT)
    with Courier.start(job, lambda kind, facts: None) as courier:
        print(courier.fetch("x", max_bytes=10).path.read_text())
    job = Job("http://rules.invalid/", tmp / "spool", limits=PATIENT)
    with Courier.start(job, lambda kind, facts: None) as courier:
        try:
            courier.fetch("x", max_bytes=10)
        except EgressError as error:
            print(type(error).__name__)
"""


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_name_is_resolved(protocol: str, tmp_path: Path) -> None:
    require(shutil.which("unshare") is not None, "unshare (util-linux)")
    own = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    possible = subprocess.run([*own, "true"], capture_output=True, check=False).returncode == 0
    require(possible, "a user namespace with a network")
    done = subprocess.run(
        [*own, sys.executable, "-c", SCRIPT, str(tmp_path), protocol],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.stdout.split() == ["hello", "ResolveFailed"], done.stderr
