"""nginx with the configuration that docs/serving.md shows, on the loopback, without TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MANUAL = Path(__file__).parents[1] / "docs/serving.md"
FOLDER = "/srv/overt/acme/public/"
LOG_FORMAT = "log_format bytes '$status $request_length $bytes_sent $uri';"


@dataclass(frozen=True)
class Served:
    """A tree that nginx serves."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Of the channel."""
        return f"http://127.0.0.1:{self.port}/acme/"

    def requests(self) -> list[tuple[int, int, int, str]]:
        """Status, bytes received, bytes sent and path of each, as nginx counts them; forgets them."""
        time.sleep(0.1)  # nginx writes the line after the answer
        lines = self.log.read_text().splitlines()
        os.truncate(self.log, 0)
        words = (line.split(" ", 3) for line in lines)
        return [(int(status), int(up), int(down), path) for status, up, down, path in words]


def program() -> str | None:
    """nginx, where Debian has it."""
    return shutil.which("nginx", path=f"/usr/sbin:{os.environ.get('PATH', '')}")


def configured(public: Path, port: int) -> str:
    """The manual's configuration for this folder and port. Raises `ValueError` when the manual has none."""
    block = MANUAL.read_text("utf-8").split("```nginx\n")[1].split("```")[0]
    if FOLDER not in block:
        raise ValueError(f"{MANUAL} does not name {FOLDER}")
    kept = [line for line in block.replace(FOLDER, f"{public}/").splitlines() if "ssl_" not in line]
    return "\n".join(kept).replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")


@contextmanager
def serving(public: Path, work: Path, logged: bool = True) -> Iterator[Served]:
    """Serve `public`; nginx keeps its files in `work`. Raises `RuntimeError` when it does not start."""
    found = program()
    if found is None:
        raise RuntimeError("nginx is missing: install it")
    work.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    log = work / "access.log"
    log.touch()
    access = f"{LOG_FORMAT} access_log {log} bytes;" if logged else "access_log off;"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {work}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (work / "nginx.conf").write_text(
        f"{user}daemon off; pid {work}/pid; worker_processes auto;\nevents {{ worker_connections 512; }}\n"
        f"http {{ {access}\n{places}{configured(public, port)} }}\n"
    )
    command = [found, "-p", str(work), "-e", str(work / "error.log"), "-c", str(work / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port, work / "error.log")
        yield Served(port, log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nginx did not start: {errors.read_text() if errors.exists() else ''}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
