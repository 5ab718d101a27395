"""The same rules for ClamAV, as far as its signatures can say them, and a private clamd.

A YARA rule of text and plain hexadecimal strings becomes one logical signature (`.ldb`) with the same strings,
modifiers and kind of file, which asks for all of the strings, so that clean files stay clean. Other conditions are not
translated, and regular expressions, wildcards and jumps are left out: the shape is the same, the meaning only nearly.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LIMITS = {
    "MaxFileSize": "1024M",
    "MaxScanSize": "1024M",
    "MaxScanTime": "120000",
    "MaxFiles": "250000",
    "MaxRecursion": "17",
}
"""As near to Overt's as clamd's own options come."""
FLAGS = (
    "--max-filesize=1024M",
    "--max-scansize=1024M",
    "--max-scantime=120000",
    "--max-files=250000",
    "--max-recursion=17",
)
MIN_STRING_BYTES = 4
MAX_STRINGS = 60
"""A logical signature holds 64."""
START_TIMEOUT_S = 120

_RULE = re.compile(r"^\s*(?:(?:private|global)\s+)*rule\s+(\w+)", re.M)
_STRING = re.compile(r'(?<![\w"])\$\w*\s*=\s*(?:"((?:[^"\\\n]|\\.)*)"|\{([0-9A-Fa-f\s]+)\})([ \t\w]*)')
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def signatures(sources: Mapping[str, str]) -> tuple[str, int]:
    """The text of an `.ldb` file and the number of rules that it was made from."""
    lines: list[str] = []
    rules = 0
    for source in sources.values():
        starts = list(_RULE.finditer(source))
        rules += len(starts)
        ends = [start.start() for start in starts[1:]] + [len(source)]
        for start, end in zip(starts, ends):
            line = _signature(f"Bench.{len(lines)}.{start[1]}", source[start.end() : end])
            if line:
                lines.append(line)
    return "\n".join(lines) + "\n", rules


def _signature(name: str, body: str) -> str:
    strings = list(dict.fromkeys(filter(None, map(_subsignature, _STRING.finditer(body)))))[:MAX_STRINGS]
    if not strings:
        return ""
    condition = body.rpartition("condition:")[2]
    logic = "&".join(map(str, range(len(strings))))
    return f"{name};Engine:81-255,Target:{_target(condition)};{logic};{';'.join(strings)}"


def _target(condition: str) -> int:
    """ClamAV's number for the kind of file that the condition's first test names."""
    if re.search(r"uint16\(0\)\s*==\s*0x5a4d|pe\.", condition, re.I):
        return 1
    return 6 if re.search(r"0x464c457f", condition, re.I) else 0


def _subsignature(match: re.Match[str]) -> str:
    text, hexadecimal, modifiers = match.groups()
    if hexadecimal is not None:
        digits = re.sub(r"\s", "", hexadecimal).lower()
        return digits if len(digits) % 2 == 0 and len(digits) >= 2 * MIN_STRING_BYTES else ""
    plain = _ESCAPE.sub(_unescape, text).encode("latin-1", "replace")
    words = modifiers.split()
    letters = "".join(letter for word, letter in MODIFIERS.items() if word in words)
    letters = letters.replace("a", "") if "w" not in letters else letters
    return f"{plain.hex()}{'::' + letters if letters else ''}" if len(plain) >= MIN_STRING_BYTES else ""


MODIFIERS = {"nocase": "i", "wide": "w", "ascii": "a", "fullword": "f"}


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) == 3 else _ESCAPED.get(code, code)


def store(sources: Mapping[str, str], folder: Path) -> tuple[int, int]:
    """Write the signatures into a database folder; returns how many there are, and of how many rules."""
    text, rules = signatures(sources)
    folder.mkdir()
    (folder / "bench.ldb").write_text(text, "utf-8")
    return text.count("\n"), rules


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running clamd of our own."""

    pid: int
    configuration: Path


@contextlib.contextmanager
def daemon(database: Path, folder: Path, threads: int) -> Iterator[Daemon]:
    """A private clamd with its socket, log and database below `folder`, gone afterwards."""
    configuration = folder / "clamd.conf"
    user = {} if os.geteuid() else {"User": "root"}
    options = (
        LIMITS
        | user
        | {
            "LocalSocket": str(folder / "clamd.socket"),
            "DatabaseDirectory": str(database),
            "LogFile": str(folder / "clamd.log"),
            "MaxThreads": str(threads),
            "MaxQueue": str(4 * threads + 8),
            "Foreground": "yes",
            "TemporaryDirectory": str(folder),
            "SelfCheck": "0",
            "DisableCache": "yes",  # Overt runs without its cache too
        }
    )
    configuration.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    with subprocess.Popen(
        ["clamd", "--config-file", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(folder / "clamd.socket", process)
            yield Daemon(process.pid, configuration)
        finally:
            process.terminate()
            process.wait()


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"clamd did not start: see {socket.parent / 'clamd.log'}")
        time.sleep(0.1)
