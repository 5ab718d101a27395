"""Behind nginx, as `docs/witness.md` shows it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from overt.tlog.witness import MAX_REQUEST_BYTES, collect
from tests.channel.witness.conftest import Logs, Place, post
from tests.conftest import require
from tests.tlog.reference import ORIGIN
from tests.waiting import PATIENCE_S

MANUAL = Path(__file__).parents[3] / "docs/witness.md"


def documented_location(port: int) -> str:
    """The `location` block of the manual, for the witness at this port."""
    text = MANUAL.read_text()
    begin = text.index("location /w/ {")
    block = text[begin : text.index("```", begin)]
    assert "127.0.0.1:8741" in block
    return block.replace("127.0.0.1:8741", f"127.0.0.1:{port}")


@contextmanager
def proxied(folder: Path, port: int, listen: int) -> Iterator[None]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    require(program is not None, "nginx")
    assert program
    folder.mkdir()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    server = f"server {{ listen 127.0.0.1:{listen};\n{documented_location(port)}}}\n"
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        f"events {{ worker_connections 64; }}\nhttp {{ access_log off;\n{places}{server}}}\n"
    )
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and process.poll() is None:
            try:
                post(listen, b"", "/", "GET")
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def test_behind_nginx(place: Place, logs: Logs, tmp_path: Path, free_port: int) -> None:
    server, port = place.serve()
    with proxied(tmp_path / "nginx", port, free_port):
        first = post(free_port, logs.ask(0, 5), "/w/add-checkpoint")
        assert first.status == 200 and collect(logs.note(5), first.body, place.state().own_keys())
        conflict = post(free_port, logs.ask(0, 7), "/w/add-checkpoint")
        assert (conflict.status, conflict.body, conflict.content_type) == (409, b"5\n", "text/x.tlog.size")
        assert post(free_port, b"x" * (MAX_REQUEST_BYTES + 100_000), "/w/add-checkpoint").status == 413
        path = f"/w/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        assert post(free_port, b"", path, "GET").status == 200
        assert post(free_port, b"", "/w/add-checkpoint", "DELETE").status == 403
    place.stop(server)
