"""Runs the transcripts: files first (`-- name --`), then commands (`$ …`) with exactly what they print on both streams
together, and their exit code (`? N`, 0 unless said). `{any}` stands for what changes, `{payload}` for the payload."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from overt.engine import pack as packs
from tests.payload import PAYLOAD, RULE, pack

FOLDER = Path(__file__).parent / "transcripts"
MARKER = PAYLOAD.partition(b":harmless")[0].decode()


class Step(NamedTuple):
    """One command and what it must do."""

    line: int
    command: str
    output: list[str]
    code: int


def payload_pack() -> bytes:
    """A pack of the payload's rule with its text, as `--pack` takes it."""
    text = RULE.replace("{ strings", "{\n  strings").replace("$a }", "$a\n}")
    base = pack()
    texts = packs.pack_texts(dict.fromkeys(base.records, text))
    return packs.dump(packs.Pack(base.engine, base.names, base.records, base.routes, texts=texts))


def steps(lines: list[str]) -> Iterator[Step]:
    """The commands of a transcript."""
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], len(lines)]):
        output = lines[start + 1 : stop]
        while output and not output[-1]:
            output.pop()
        code = int(output.pop()[2:]) if output and output[-1].startswith("? ") else 0
        yield Step(start + 1, lines[start][2:], output, code)


def write_files(lines: list[str], folder: Path) -> None:
    """The files of a transcript."""
    current: Path | None = None
    for line in lines:
        if found := re.fullmatch(r"-- (\S+) --", line):
            current = folder / found[1]
            current.parent.mkdir(parents=True, exist_ok=True)
            current.write_text("")
        elif line.startswith("$ "):
            return
        elif current is not None and line:
            current.write_text(current.read_text() + line.replace("{payload}", MARKER) + "\n")


def pattern(output: list[str]) -> str:
    """A regular expression for the expected output."""
    text = "".join(f"{line}\n" for line in output)
    return (
        re.escape(text)
        .replace(re.escape("{any}"), r"[^\n]*")
        .replace(re.escape("{payload}"), re.escape(MARKER))
    )


@pytest.mark.kernel
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_transcript(name: str, tmp_path: Path) -> None:
    lines = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    work = tmp_path / "work"
    work.mkdir()
    write_files(lines, work)
    (work / "test.pack").write_bytes(payload_pack())
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
    }
    for step in steps(lines):
        done = subprocess.run(
            ["bash", "-c", step.command.replace("{payload}", MARKER)],
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        said = done.stdout.decode()
        expected = "".join(f"{line}\n" for line in step.output).replace("{payload}", MARKER)
        where = f"{name}.txt, line {step.line}: {step.command}"
        assert re.fullmatch(pattern(step.output), said), f"{where}\nexpected:\n{expected}\ngot:\n{said}"
        assert done.returncode == step.code, f"{where}: exit code {done.returncode}\n{said}"
