"""The channel that the lab publishes for one run is one that a client takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from overt.conduct.session import ownchannel


def test_a_client_takes_the_labs_own_channel(tmp_path: Path) -> None:
    made = ownchannel.found(tmp_path / "work", "rules.overt.example")
    overt = [str(Path(sys.executable).with_name("overt"))]
    words = [
        "channel",
        "add",
        "https://rules.overt.example",
        "--root",
        str(made.root),
        "--from",
        str(made.tree),
    ]
    environment = os.environ | {"OVERT_HOME": str(tmp_path / "home")}
    done = subprocess.run(overt + words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lab" in done.stdout
