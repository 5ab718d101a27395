"""Debian's clamav-testfiles: one harmless program wrapped 44 times, and what Overt says of each.

The rule is written here, for the program's own code and texts; it is compiled when the test runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.core.model import Reason, Verdict
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from tests.conftest import require
from tests.payload import pack

FOLDER = Path("/usr/share/clamav-testfiles")

RULE = """
rule clamav_test_program {
    strings:
        $code = { BB 71 10 40 00 33 C0 50 50 8B F3 53 53 50 B0 29 40 30 04 66 AC 79 F9 BA }
        $library = "USER32.DLL\\x00CLAMessageBoxA"
        $mark = "[CLAMAV]"
    condition:
        all of them
}
"""

INFECTED = frozenset(
    """
    clam-aspack.exe clam-fsg.exe clam-mew.exe clam-nsis.exe clam-pespin.exe clam-petite.exe clam-upack.exe
    clam-upx.exe clam-wwpack.exe clam-yc.exe clam.7z clam.arj clam.bin-be.cpio clam.bin-le.cpio clam.bz2.zip
    clam.cab clam.chm clam.d64.zip clam.ea05.exe clam.ea06.exe clam.exe clam.exe.binhex clam.exe.bz2
    clam.exe.html clam.exe.mbox.base64 clam.exe.mbox.uu clam.exe.rtf clam.exe.szdd clam.impl.zip clam.mail
    clam.newc.cpio clam.odc.cpio clam.ole.doc clam.pdf clam.ppt clam.sis clam.tar.gz clam.tnef clam.zip
    clam_IScab_ext.exe clam_IScab_int.exe clam_ISmsi_ext.exe clam_ISmsi_int.exe clam_cache_emax.tgz
    """.split()
)

GAPS: dict[str, set[Reason]] = {
    "clam-upack.exe": {Reason.UNSUPPORTED},  # unpacked, it has copies of itself, which are unpacked twice
    "clam-wwpack.exe": {Reason.DAMAGED},  # it overwrites the end of the archive in it while it unpacks itself
    "clam_cache_emax.tgz": {Reason.DEPTH},  # archives inside archives, deeper than the default limit
}
"""Besides the finding, what was not examined."""


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    require(FOLDER.is_dir(), "the package clamav-testfiles")
    return Examiner(Matcher(pack(RULE, "clamav_test_program")), HashSets())


@pytest.mark.parametrize("name", sorted(INFECTED))
def test_the_program_is_found(name: str, examiner: Examiner) -> None:
    examination = examiner.examine((FOLDER / name).read_bytes())
    assert examination.verdict is Verdict.INFECTED
    assert {gap.reason for gap in examination.gaps} == GAPS.get(name, set())


def test_no_file_is_left_out() -> None:
    require(FOLDER.is_dir(), "the package clamav-testfiles")
    assert {path.name for path in FOLDER.iterdir()} == INFECTED
