"""A file of the system keeps its name in the record, whatever the product calls it when it reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.evidence.records import Access, FileAccess, Losses
from overt.conduct.observe.opened import Contents, Planted
from overt.conduct.observe.origins import Origins
from tests.conduct.chamber.conftest import lab  # noqa: F401
from tests.conduct.observe.test_chamber import PROGRAMS, Observed, observe

pytestmark = pytest.mark.usefixtures("lab")
PROGRAM = PROGRAMS / "aliases.py"
SECRET, OTHER = "/etc/shadow", "/etc/adduser.conf"
FREE = "/usr/share/free"
"""Where any program may read."""
RENAMING = "link rename relative chain folder exchange opened_before descriptor empty_path written".split()


def opened(seen: Observed, way: str) -> list[FileAccess]:
    """What the program opened in that way but what its interpreter needs."""
    known = seen.processes
    return [
        row
        for row in seen.run.read(FileAccess)
        if row.access is Access.OPEN
        and way in known[row.process].arguments
        and row.path.startswith((SECRET, OTHER, FREE))
    ]


@pytest.fixture(scope="module", params=[True, False], ids=["with calls", "without calls"])
def aliased(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Every way, each on both files."""
    lines = [
        f"rm -f /tmp/way; python3 -B /opt/{PROGRAM.name} {way} {path} {FREE}"
        for way in (*RENAMING, "symlink", "own")
        for path in (SECRET, OTHER)
    ]
    return observe(tmp_path_factory.mktemp("aliases"), lines, [PROGRAM], traced=request.param)


def test_all_could_be_read(aliased: Observed) -> None:
    assert all(text.strip().replace("\n", "").isdigit() for text in aliased.output), aliased.output
    assert aliased.losses == Losses()


@pytest.mark.parametrize("way", RENAMING)
def test_it_is_recorded_under_its_first_name(aliased: Observed, way: str) -> None:
    rows = opened(aliased, way)
    known = aliased.processes
    for path in (SECRET, OTHER):
        found = [row.path for row in rows if path in known[row.process].arguments]
        assert path in found, (way, found)
        own = [other for other in found if other != path]
        assert own == ([FREE] if way in ("exchange", "opened_before") else []), (
            "what it made itself is its own"
        )


@pytest.mark.parametrize("way", RENAMING)
def test_another_name_of_a_secret_is_an_attempt(aliased: Observed, way: str) -> None:
    known = aliased.processes
    told = {
        blind.what for blind in aliased.blind if blind.by is not None and way in known[blind.by].arguments
    }
    hidden = {what for what in told if what.startswith(f"used {SECRET} under another name, {FREE}")}
    assert len(hidden) >= 1, told
    assert not [what for what in told if OTHER in what], "who renames what is no secret hides nothing"


@pytest.mark.parametrize("way", ["symlink", "own"])
def test_who_renames_nothing_of_the_system_is_not_blamed(aliased: Observed, way: str) -> None:
    known = aliased.processes
    assert not [blind for blind in aliased.blind if blind.by and way in known[blind.by].arguments]
    named = {row.path for row in opened(aliased, way)}
    assert named == ({SECRET, OTHER} if way == "symlink" else {f"{FREE}2"})


def test_neither_a_mount_hides_another_name(tmp_path: Path) -> None:
    shown = f"mkdir /tmp/m; mount --bind /usr/share /tmp/m; cat /tmp/m/{Path(FREE).name}"
    seen = observe(tmp_path, [f"ln {OTHER} {FREE}; unshare -Urm sh -c '{shown}'; rm {FREE}"], declared=True)
    readers = {process.arguments[0] for process in seen.opened(OTHER)}
    assert "cat" in readers, seen.output


def test_what_an_installation_linked_has_its_first_name_in_later_runs(tmp_path: Path) -> None:
    changed, kept = "/etc/hostname", tmp_path / "kept"
    observe(tmp_path / "1", [f"ln {OTHER} {FREE}; echo new >> {changed}"], keep=kept)
    seen = observe(tmp_path / "2", [f"cat {FREE} {changed}"], layers=(kept,))
    assert [process.arguments[0] for process in seen.opened(OTHER)] == ["cat"]
    assert [process.arguments[0] for process in seen.opened(changed)] == ["cat"]
    assert not [blind for blind in seen.blind if blind.at_s is not None]


def test_a_file_system_without_handles_is_told(tmp_path: Path) -> None:
    for below, blind in ((tmp_path, ()), (Path("/proc"), ("/usr",))):
        origins = Origins.of([(tmp_path, "/usr", [below])])
        origins.close()
        assert origins.blind_in == blind


def test_a_test_file_that_is_put_away_is_no_attempt() -> None:
    """As scanners do that move what they find into a quarantine."""
    planted = {(1, 1): Planted("/home/eicar.zip", 0), (1, 2): Planted("/home/letter", 0)}
    contents = Contents(planted, may_move={"/home/eicar.zip"})
    assert not contents.is_hidden("/home/eicar.zip", "/var/quarantine/1")
    assert contents.is_hidden("/home/letter", "/var/quarantine/2")
