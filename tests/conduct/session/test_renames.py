"""A secret that is linked to where any program may read, and read there, is reported as that secret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Verdict
from tests.conduct.lab import answers, reported
from tests.conduct.observe.test_chamber import PROGRAMS

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROFILE = """
schema = 1
[product]
name = "Renaming control"
[install]
how = "folder"
path = "."
[[step]]
kind = "scan"
command = ["python3", "-B", "{product}/aliases.py", "link", "/etc/shadow", "/usr/share/free"]
[[step]]
kind = "scan"
command = ["python3", "-B", "{product}/aliases.py", "rename", "/etc/adduser.conf", "/usr/share/free"]
[[scope]]
why = "It is a Python program."
reads = ["/opt/product/**"]
executes = ["/usr/bin/python3*"]
"""


def test_the_report_names_what_was_read_by_another_name(tmp_path: Path) -> None:
    product = tmp_path / "product"
    product.mkdir()
    shutil.copy(PROGRAMS / "aliases.py", product)
    (product / "profile.toml").write_text(PROFILE)
    found = answers(reported(tmp_path, str(product / "profile.toml")))
    assert found["secrets"].verdict is Verdict.YES and found["secrets"].good is False
    assert "passwords of the system" in found["secrets"].summary
    assert {"/etc/shadow", "/etc/adduser.conf"} <= set(
        found["beyond-scope-reads"].summary.rstrip(".").replace(",", "").split()
    )
    assert found["observer"].verdict is Verdict.PARTLY
    assert [fact for fact in found["observer"].facts if "used /etc/shadow under another name" in fact]
    assert not [fact for fact in found["observer"].facts if "adduser.conf" in fact]
