"""The reader of strace's pipe: everything up to its limit, and a count of the rest."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from overt.conduct.observe.tracelog import PAUSE_S, TraceLog

LINE = b"17 1700000000.000001 kill(0, 0) = 0\n"


def written(tmp_path: Path, lines: int, max_bytes: int) -> tuple[bytes, int]:
    log = TraceLog(tmp_path / "trace.log", tmp_path / "pipe", max_bytes)
    with open(log.pipe, "wb", buffering=0) as pipe:
        for _ in range(lines):
            pipe.write(LINE)
    log.close()
    log.close()
    return (tmp_path / "trace.log").read_bytes(), log.lost_lines


def test_all_of_a_log_is_kept(tmp_path: Path) -> None:
    assert written(tmp_path, 5_000, 1 << 20) == (LINE * 5_000, 0)


def test_what_is_past_the_limit_is_counted(tmp_path: Path) -> None:
    kept, lost = written(tmp_path, 5_000, 20_000)
    assert len(kept) <= 20_000 and lost == 5_000 - kept.count(b"\n") > 4_000


def test_a_tracer_that_never_began(tmp_path: Path) -> None:
    log = TraceLog(tmp_path / "trace.log", tmp_path / "pipe")
    log.close()
    assert (tmp_path / "trace.log").read_bytes() == b"" and log.lost_lines == 0


def test_its_reader_is_not_woken_by_each_line(tmp_path: Path) -> None:
    log = TraceLog(tmp_path / "trace.log", tmp_path / "pipe")
    thread = next(one for one in threading.enumerate() if one.name == "trace")
    began = time.monotonic()
    with open(log.pipe, "wb", buffering=0) as pipe:
        for _ in range(300):
            pipe.write(LINE)
            time.sleep(0.001)
        pauses = (time.monotonic() - began) / PAUSE_S  # more on a busy machine
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    log.close()
    woken = int(status.partition("voluntary_ctxt_switches:")[2].split()[0])
    assert woken < 40 + 4 * pauses and (tmp_path / "trace.log").read_bytes() == LINE * 300
