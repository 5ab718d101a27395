"""Runs the commands of a page's transcripts, and writes what they print into the page.

    python -m scripts.transcript docs/channel-publishing.md

Between `<!-- run: begin … -->` and `<!-- run: end -->` a block without a language, after a line that names a file, is
that file. In a `console` block lines that begin with `$ ` are commands: a backslash at the end continues them, a `&`
leaves them running. What follows is what they print on both streams, and `? N` for an exit code but 0. All run in one
fresh folder, with Overt's data in it, and on free ports. `tests/cli/test_pages.py` runs them too, and compares.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RUN = re.compile(r"(<!-- run: begin[^\n]*-->\n)(.*?)(<!-- run: end -->)", re.DOTALL)
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE)
PORT = re.compile(r"(?<=http\.server )\d+|(?<=127\.0\.0\.1:)\d+")
CHANGING = (
    (re.compile(r"[0-9a-f]{64}"), "SHA256"),
    (re.compile(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}"), "+KEY"),
    (re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]{8}\b"), "KEYID"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+Z)?)?)?"), "TIME"),
    (re.compile(r"\d+(?:\.\d+)? (?:ms|s|files?/s|[KM]?i?B/s)\b"), "MEASURED"),
    (re.compile(r"\b[\d,]+ bytes"), "N bytes"),
    (re.compile(r"\d+ entries"), "N entries"),
    (re.compile(r"(?m)^ +\d+  TIME"), "N  TIME"),
    (re.compile(r"(?m)^  (?:seccomp|landlock|mount namespace): .*$"), "LAYER"),
    (re.compile(r"\d+ rules"), "N rules"),
    (re.compile(r"(?<=base \()\d+ files"), "N files"),
)
"""What another run, another machine or another version prints otherwise."""


def comparable(page: str) -> str:
    """`page` without what changes from run to run."""
    for pattern, word in CHANGING:
        page = pattern.sub(word, page)
    return page


def rerun(page: str, overt: Path) -> str:
    """The page with the output that its commands have now; `overt` is the folder of the program."""
    return RUN.sub(lambda found: found[1] + _rerun(found[2], overt) + found[3], page)


def _rerun(part: str, overt: Path) -> str:
    ports = {shown: str(_free_port()) for shown in dict.fromkeys(PORT.findall(part))}
    with tempfile.TemporaryDirectory() as folder, _shell(Path(folder), overt) as shell:

        def block(found: re.Match[str]) -> str:
            name, language, text = found.groups()
            if name:
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            if language != "console":
                return found[0]
            said = ""
            silent = True  # a blank line goes between what a command prints and the next command
            for command in COMMAND.finditer(text):
                printed = _printed(shell, command[0], ports)
                said += printed if silent else f"\n{printed}"
                silent = printed == f"{command[0]}\n"
            return f"```console\n{said}```"

        return BLOCK.sub(block, part)


class _Shell:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.running: list[subprocess.Popen[bytes]] = []

    def run(self, command: str) -> tuple[str, int]:
        """What it prints, and its exit code."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.stdout.decode(), done.returncode

    def leave_running(self, command: str) -> None:
        """Start it, in a process group of its own."""
        self.running.append(
            subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )


@contextmanager
def _shell(folder: Path, overt: Path) -> Iterator[_Shell]:
    environment = {
        "PATH": f"{overt}:{os.environ['PATH']}",
        "OVERT_HOME": str(folder / ".overt"),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "100",
        "no_proxy": "*",
    }
    shell = _Shell(folder, environment)
    try:
        yield shell
    finally:
        for process in shell.running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _printed(shell: _Shell, shown: str, ports: dict[str, str]) -> str:
    """The command as the page shows it, and its output as if the page's ports had been used."""
    command = _exchanged(shown[2:].replace("\\\n", ""), ports)
    if command.endswith("&"):
        shell.leave_running(command[:-1])
        _await(int(PORT.findall(command)[0]))
        return f"{shown}\n"
    said, code = shell.run(command)
    said = _exchanged(said, {used: named for named, used in ports.items()})
    said = re.sub(r"(?m)^\n(?=verdict)", "", said)
    return f"{shown}\n{said}" + (f"? {code}\n" if code else "")


def _exchanged(text: str, ports: dict[str, str]) -> str:
    return re.sub(r"\b\d{4,5}\b", lambda found: ports.get(found[0], found[0]), text)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)


def main() -> None:
    """Rewrite the pages that are named."""
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rerun(path.read_text("utf-8"), Path(sys.executable).parent), "utf-8")


if __name__ == "__main__":
    main()
