"""Which version was examined, as the product tells it."""

from __future__ import annotations

import pytest

from overt.conduct.session.lab import version_in


@pytest.mark.parametrize(
    ("printed", "ended_well", "told"),
    [
        ("Example 1.2\nbuilt today\n", True, "Example 1.2"),
        ("\n  the newest \n", True, "the newest"),
        ("chkrootkit version 0.57\n", False, "chkrootkit version 0.57"),
        ("ERROR: no daemon at 127.0.0.1 to be asked\nClamAV 1.4.6\n", False, "ClamAV 1.4.6"),
        ("Usage: x OPTIONS...\n\nx: error: no such option: --version\n", False, ""),
        ("x: /lib/libc.so.6: version `GLIBC_2.38' not found\n", False, ""),
        ("", True, ""),
    ],
)
def test_what_a_command_tells_of_its_version(printed: str, ended_well: bool, told: str) -> None:
    assert version_in(printed, ended_well) == told
