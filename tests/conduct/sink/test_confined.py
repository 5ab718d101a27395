"""A sink that was taken over is held by the kernel: it starts nothing, opens nothing of the host, connects nowhere."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.conduct.evidence.records import Mode
from overt.conduct.sink import serving
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.resolver import Resolver
from overt.core.errors import ConductError
from overt.sandbox import landlock, view
from tests.conduct.sink.lab import RESOLVER, Net, network
from tests.conduct.sink.test_clients import needed

pytestmark = pytest.mark.kernel
ORDER = "now.example"
_libc = ctypes.CDLL(None, use_errno=True)


def called(name: str, *arguments: object) -> Callable[[], object]:
    def call() -> None:
        if getattr(_libc, name)(*arguments) < 0:
            raise OSError(ctypes.get_errno(), name)

    return call


def attempts(secret: Path) -> dict[str, Callable[[], object]]:
    """What whoever has taken over the sink would try; the files are named as the sink may reach for them."""
    return {
        "exec": lambda: os.execv("/bin/sh", ["sh", "-c", "true"]),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "fork": os.fork,
        "ptrace": called("ptrace", 0, 0, None, None),
        "kill": lambda: os.kill(os.getppid(), 0),
        "read a file": secret.read_bytes,
        "write a file": lambda: secret.write_bytes(b""),
        "read by way of ..": lambda: Path("../" * 20 + str(secret)).read_bytes(),
        "read by way of /proc": lambda: os.listdir("/proc/self/root"),
        "read other evidence": lambda: Path("../canaries.jsonl").read_bytes(),
        "change recorded files": lambda: Path("/replay/0/file").write_bytes(b""),
        "make a file beside its own": lambda: Path("/made").write_bytes(b""),
        "make a link": lambda: os.symlink("/etc", "streams/link"),
        "make a folder": lambda: os.mkdir("folder"),
        "change a mode": lambda: os.chmod("flows.jsonl", 0o777),
        "another mount namespace": called("unshare", 0x0002_0000),
        "another user namespace": called("unshare", 0x1000_0000),
        "mount": called("mount", b"none", os.fsencode(secret.parent), b"tmpfs", 0, None),
        "connect": lambda: socket.create_connection((RESOLVER, 80), 1),
        "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "a routing socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "bpf": called("syscall", ctypes.c_long(321), 0, None, 0),
        "io_uring": called("syscall", ctypes.c_long(425), 1, None),
        "executable memory": called("mmap", None, ctypes.c_size_t(4096), 7, 0x22, -1, 0),
    }


@pytest.mark.parametrize("layers", ["all layers", "without Landlock"])
def test_a_sink_that_was_taken_over(
    ready: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: str
) -> None:
    """A question for one name makes this sink do all that, as a bug in its parsers would."""
    if layers == "without Landlock":
        monkeypatch.setattr(landlock, "abi", lambda: 0)
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    (recorded / "file").write_text("recorded")
    answer = Resolver.answer

    def tried(attempt: Callable[[], object]) -> str:
        try:
            attempt()
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
        return "done"

    def taken_over(self: Resolver, wire: bytes) -> object:
        if b"\x03now" in wire:
            found = {name: tried(attempt) for name, attempt in attempts(secret).items()}
            Path("streams/tried.json").write_text(json.dumps(found))
        return answer(self, wire)

    monkeypatch.setattr(Resolver, "answer", taken_over)
    with network(tmp_path, SinkPlan(Mode.REPLAY, replay={"a.example": recorded})) as net:
        (net.folder.path / "canaries.jsonl").write_text("{}")
        net.run(needed("dig"), f"@{RESOLVER}", ORDER)
        net.stop()
        found = json.loads((net.folder.path / "streams" / "tried.json").read_text())
    assert set(found) == set(attempts(secret))
    refused = {"EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS"}
    assert {name: said for name, said in found.items() if said not in refused} == {}
    assert secret.read_text() == "of the host" and (recorded / "file").read_text() == "recorded"


def test_every_process_of_the_sink_is_confined(net: Net) -> None:
    sink = net.sink._pid
    family = [sink, *map(int, Path(f"/proc/{sink}/task/{sink}/children").read_text().split())]
    assert len(family) == 2
    for pid in family:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "1")
    assert os.listdir(f"/proc/{sink}/root") and set(os.listdir(f"/proc/{sink}/root")) == {"evidence", "tmp"}


@pytest.mark.parametrize("layer", ["confine_to", "lock"])
def test_without_confinement_there_is_no_sink(
    ready: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise view.ConfinementError("the kernel refused")

    monkeypatch.setattr(serving, layer, refused)
    with pytest.raises(ConductError), network(tmp_path) as net:
        net.run("true")
        net.stop()
