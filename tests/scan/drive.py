"""Runs one scan session in a process of its own (a session confines its process for good) and prints one JSON line
per report. With `hostile`, the examiner obeys orders in the files instead of examining them: what a parser does when
it is taken over."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
import time
from typing import Any

from overt.core.limits import Limits
from overt.core.model import Examination, FileReport, Summary
from overt.engine.examine import Examiner
from overt.scan import session
from overt.scan.request import Progress, Request


class HostileExaminer(Examiner):
    """Obeys the first word of the file."""

    def examine(self, data: bytes, name: str = "", file_bytes: int | None = None) -> Examination:
        match data.split(b" ")[0]:
            case b"HANG":
                time.sleep(3600)
            case b"SLOW":
                time.sleep(8)
            case b"OPEN":
                open("/etc/passwd", "rb").close()
            case b"CONNECT":
                socket.socket(socket.AF_INET)
            case b"EXEC":
                os.execv("/bin/true", ["true"])
            case b"CRASH":
                ctypes.string_at(0)
            case b"EXIT":
                os._exit(7)
            case b"MEMORY":
                bytearray(64 << 30)
            case b"DEFECT":
                raise KeyError("a parser's bug")
            case b"NUMBERS":
                return Examination(bytes_examined=-5)
            case b"FORGE":
                os.write(2, b"FORGED")
                os.write(1, b"FORGED")
            case b"FLOOD":
                self.flood()
        return super().examine(data, name, file_bytes)

    def flood(self) -> None:
        """Endless tiny parts of a reply, on whatever descriptor is the socket."""
        for fd in range(3, 64):
            with contextlib.suppress(OSError):
                while True:
                    os.write(fd, b"\x01")


class Lines:
    """A sink that prints."""

    every_file = True
    shows_progress = False

    def file(self, report: FileReport) -> None:
        examination = report.examination
        print(
            json.dumps(
                {
                    "path": os.fsencode(report.path).decode("utf-8", "backslashreplace"),
                    "verdict": examination.verdict,
                    "gaps": [[gap.reason, gap.detail] for gap in examination.gaps],
                    "rules": [finding.rule for finding in examination.findings],
                    "ignored": [finding.rule for finding in report.ignored],
                    "inside": [list(finding.inside) for finding in examination.findings],
                    "cached": report.cached,
                    "examined": examination.bytes_examined,
                    "quarantined": report.quarantined,
                    "quarantine_error": report.quarantine_error,
                }
            ),
            flush=True,
        )

    def progress(self, progress: Progress) -> None:
        print(json.dumps({"progress": [progress.files, progress.total_files]}), flush=True)

    def finish(self, summary: Summary) -> None:
        fields = {name: getattr(summary, name) for name in ("clean", "infected", "incomplete", "excluded")}
        fields |= {name: getattr(summary, name) for name in ("not_files", "links", "cached", "interrupted")}
        print(json.dumps({"summary": fields, "confinement": summary.confinement}), flush=True)


def main(options: dict[str, Any]) -> None:
    """Run the session described by `options` (fields of `Request`; `limits` as a dictionary)."""
    if options.pop("hostile", False):
        session.Examiner = HostileExaminer  # type: ignore[misc]
    if user := options.pop("user", 0):
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    sink = Lines()
    sink.shows_progress = options.pop("progress", False)
    limits = Limits(**options.pop("limits", {}))
    lists = {name: tuple(value) for name, value in options.items() if isinstance(value, list)}
    session.run(Request(**(options | lists), limits=limits), [sink])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
