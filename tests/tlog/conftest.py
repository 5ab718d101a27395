"""Go's log code, compiled once per session."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require

GOPATH = Path("/usr/share/gocode")
MODULE = GOPATH / "src/golang.org/x/mod/sumdb"

Answer = dict[str, Any]
Go = Callable[..., list[Answer]]
"""Requests for `go/peer.go` (bytes as base64 where it wants them) → its answers, errors included."""


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """Debian's golang-go and golang-golang-x-mod-dev, offline."""
    compiler = shutil.which("go")
    require(compiler is not None, "golang-go")
    require(MODULE.is_dir(), "golang-golang-x-mod-dev")
    assert compiler
    folder = tmp_path_factory.mktemp("go")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOPROXY": "off",
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
    }
    program = folder / "peer"
    source = Path(__file__).parent / "go" / "peer.go"
    subprocess.run([compiler, "build", "-o", program, source], env=environment, check=True, timeout=300)

    def ask(*requests: Answer) -> list[Answer]:
        done = subprocess.run(
            [program], input=json.dumps(requests), capture_output=True, text=True, check=True, timeout=60
        )
        answers: list[Answer] = json.loads(done.stdout)
        return answers

    return ask


def b64(data: bytes) -> str:
    """As Go's JSON has bytes and hashes."""
    return base64.b64encode(data).decode()
