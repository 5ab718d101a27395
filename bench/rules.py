"""One rule set, in the form that each scanner wants."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boreal
from bench import clamav, ruleset

from overt.engine.pack import dump
from overt.rules.check import EXTERNALS
from overt.rules.compile import RuleText, build

DEFINES = [word for name in EXTERNALS for word in ("-d", f"{name}=x")]
"""YARA wants external variables defined when compiling."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The same rules, ready for everyone."""

    origin: str
    rules: int
    left_out: int
    """Files that one of the engines cannot compile: nobody gets them."""
    texts: dict[str, str]
    sources: Path
    """JSON, for the bare engine."""
    compiled: Path
    """For `yara -C`."""
    pack: Path
    """For `overt scan --pack`."""
    database: Path
    """For ClamAV."""
    signatures: int


def prepare(folder: Path | None, work: Path) -> Prepared:
    """Compile the rules of `folder` (None: a generated set) below `work`."""
    everything = ruleset.sources(folder)
    texts = _common(everything, work / "yara")
    sources, compiled, pack = work / "sources.json", work / "rules.yarac", work / "bench.pack"
    sources.write_text(json.dumps(texts))
    files = [f"n{number}:{_file(work / 'yara', number)}" for number in range(len(everything))]
    kept = [file for file, name in zip(files, everything, strict=True) if name in texts]
    subprocess.run(["yarac", "-w", *DEFINES, *kept, compiled], check=True)
    built = build([RuleText("bench", name, text) for name, text in texts.items()], ("bench",))
    pack.write_bytes(dump(built.pack))
    signatures, _ = clamav.store(texts, work / "clamav")
    origin = (
        "a public rule set (OVERT_BENCH_RULES)" if folder else "generated rules of the shape of a public set"
    )
    left_out = len(everything) - len(texts)
    count = len(built.pack.records)
    return Prepared(origin, count, left_out, texts, sources, compiled, pack, work / "clamav", signatures)


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.yar"


def _common(everything: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The files that both YARA and Boreal compile by themselves."""
    folder.mkdir()
    for number, text in enumerate(everything.values()):
        _file(folder, number).write_text(text, "utf-8")
    with ThreadPoolExecutor() as pool:
        good = pool.map(lambda number: _compiles(_file(folder, number)), range(len(everything)))
        return {name: text for (name, text), both in zip(everything.items(), good, strict=True) if both}


def _compiles(file: Path) -> bool:
    externals = dict.fromkeys(EXTERNALS, "")
    try:
        boreal.compile(source=file.read_text("utf-8"), externals=externals, includes=False)
    except boreal.Error:
        return False
    command = ["yarac", "-w", *DEFINES, str(file), "/dev/null"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
