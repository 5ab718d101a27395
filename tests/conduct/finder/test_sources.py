"""Files of the evidence are the run's own: nothing leads a search elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.finder.sources import within
from overt.core.errors import ConductError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_bytes(b"not of this run")
    run = tmp_path / "run"
    (run / "streams").mkdir(parents=True)
    (run / "streams/1.out").write_bytes(b"sent")
    (run / "streams/linked.out").symlink_to("1.out")
    (run / "others").symlink_to(tmp_path / "elsewhere")
    return run


def test_a_stream_is_found_where_it_is(run: Path) -> None:
    assert within(run, "streams/1.out") == run / "streams/1.out"
    assert within(run, "streams/missing.out") == run / "streams/missing.out"


def test_a_run_may_itself_be_reached_by_a_link(run: Path) -> None:
    (run.parent / "same").symlink_to(run)
    assert within(run.parent / "same", "streams/1.out").read_bytes() == b"sent"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "streams",
        "/etc/passwd",
        "../elsewhere/secret",
        "streams/../streams/1.out",
        "streams/linked.out",
        "others/secret",
        "streams/1.out\0",
    ],
)
def test_what_is_no_file_of_the_run_is_refused(run: Path, name: str) -> None:
    with pytest.raises(ConductError, match="own folder"):
        within(run, name)
