"""YARA-X against Boreal, and Boreal with routing, on the same rules and files: prints one table.

    python bench/engines.py [--rules FOLDER] [--files FOLDER] [--megabytes N]

Each engine runs alone in a process of its own, on files that are in memory; times are processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, version
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

import boreal
import yara_x

from overt.engine.matcher import Matcher
from overt.engine.pack import dump, load
from overt.rules.check import EXTERNALS
from overt.rules.compile import RuleText, build

sys.path.insert(0, str(Path(__file__).parent))
import ruleset

MAX_FILE_BYTES = 8 << 20
SMALL_BYTES = (1_000, 4_000)
ROUNDS = 3


class Engine(Protocol):
    """The seam: `prepare` may take its time and gives what is stored; made from that, it tells which rules match."""

    @staticmethod
    def prepare(sources: dict[str, str]) -> bytes: ...

    def __init__(self, prepared: bytes) -> None: ...

    def match(self, data: bytes) -> set[str]: ...


class Boreal:
    """Compiled when loaded: its own serialisation can't be read back above 1,024 rules (version 1.4)."""

    @staticmethod
    def prepare(sources: dict[str, str]) -> bytes:
        return json.dumps(sources).encode()

    def __init__(self, prepared: bytes) -> None:
        self._values = dict.fromkeys(EXTERNALS, "")
        self._scanner = boreal.compile(sources=json.loads(prepared), externals=self._values, includes=False)

    def match(self, data: bytes) -> set[str]:
        return {match.rule for match in self._scanner.match(data=data, externals=self._values)}


class YaraX:
    @staticmethod
    def prepare(sources: dict[str, str]) -> bytes:
        compiler = yara_x.Compiler(relaxed_re_syntax=True)
        for name in EXTERNALS:
            compiler.define_global(name, "")
        for name, text in sources.items():
            compiler.new_namespace(name)
            compiler.add_source(text)
        stored = BytesIO()
        compiler.build().serialize_into(stored)
        return stored.getvalue()

    def __init__(self, prepared: bytes) -> None:
        self._scanner = yara_x.Scanner(yara_x.Rules.deserialize_from(BytesIO(prepared)))

    def match(self, data: bytes) -> set[str]:
        return {rule.identifier for rule in self._scanner.scan(data).matching_rules}


class Routed:
    """Overt's own matcher: Boreal with one scanner per route."""

    @staticmethod
    def prepare(sources: dict[str, str]) -> bytes:
        return dump(build([RuleText("bench", name, text) for name, text in sources.items()]).pack)

    def __init__(self, prepared: bytes) -> None:
        self._matcher = Matcher(load(prepared))

    def match(self, data: bytes) -> set[str]:
        return {finding.rule for finding in self._matcher.match(data)}


ENGINES: dict[str, type[Engine]] = {"yara-x": YaraX, "boreal": Boreal, "boreal routed": Routed}
PACKAGES = {"yara-x": "yara-x", "boreal": "boreal-python", "boreal routed": "boreal-python"}
MODULES = (
    "pe",
    "elf",
    "macho",
    "dotnet",
    "dex",
    "lnk",
    "crx",
    "hash",
    "math",
    "time",
    "string",
    "console",
    "magic",
)


def modules(engine: str) -> list[str]:
    """The modules of `MODULES` that the engine knows."""
    return [module for module in MODULES if _knows(engine, module)]


def _knows(engine: str, module: str) -> bool:
    text = f'import "{module}" rule r {{ condition: true }}'
    try:
        boreal.compile(source=text) if "boreal" in engine else yara_x.compile(text)
    except (boreal.Error, yara_x.CompileError):
        return False
    return True


def installed_bytes(package: str) -> int:
    """Bytes that the package takes on disk."""
    files = distribution(package).files or []
    return sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file())


def contents(folder: Path, total: int) -> list[bytes]:
    """Files below `folder` in a stable order, up to `total` bytes together."""
    found, size = [], 0
    for path in _walk(folder):
        if size >= total:
            break
        with open(path, "rb") as file:
            found.append(file.read(MAX_FILE_BYTES))
        size += len(found[-1])
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        paths = (Path(place, name) for name in sorted(names))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def measure(name: str, prepared: bytes, files: list[bytes], extra: list[bytes]) -> dict[str, Any]:
    """One engine's figures; `extra` are files that are matched but not timed."""
    before = resident()
    start = time.process_time()
    engine = ENGINES[name](prepared)
    loaded = time.process_time() - start
    memory = resident() - before
    return {
        "load_s": loaded,
        "memory": memory,
        "megabytes_per_s": sum(map(len, files)) / _best(lambda: [engine.match(data) for data in files]) / 1e6,
        "small_ms": {size: _small(engine, files, size) for size in SMALL_BYTES},
        "matches": [sorted(engine.match(data)) for data in (*files, *extra)],
        "modules": modules(name),
        "installed": installed_bytes(PACKAGES[name]),
    }


def _small(engine: Engine, files: list[bytes], size: int) -> float:
    cut = [data[:size] for data in files if len(data) >= size][:2_000]
    return _best(lambda: [engine.match(data) for data in cut]) / len(cut) * 1000


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def resident() -> int:
    """Resident memory of this process in bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def like_rules(sources: dict[str, str]) -> list[bytes]:
    """Files in which many rules match: the rules' own texts, alone and behind the first bytes of executables."""
    texts = [text.encode() for text in sources.values()]
    return [*texts, *(b"MZ" + text for text in texts), *(b"\x7fELF" + text for text in texts)]


def row(name: str, figures: dict[str, Any]) -> str:
    """One line of the table."""
    small = " ".join(f"{value:>9.3f}" for value in figures["small_ms"].values())
    speed = f"{figures['load_s']:>7.2f} {figures['memory'] / 1e6:>8.0f} {figures['megabytes_per_s']:>7.0f} {small}"
    return f"{name:<14} {speed} {figures['installed'] / 1e6:>8.1f}  {' '.join(figures['modules'])}"


def one(args: argparse.Namespace) -> None:
    """Measure one engine in this process and print its figures as JSON."""
    files = contents(args.files, args.megabytes * 1_000_000)
    prepared = Path(args.prepared).read_bytes()
    print(json.dumps(measure(args.engine, prepared, files, like_rules(ruleset.sources(args.rules)))))


def main() -> None:
    """Measure all engines and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rules", type=Path, help="folder of YARA files (default: a generated set)")
    parser.add_argument("--files", type=Path, default=Path("/usr/lib"))
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--prepared", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        one(args)
        return
    sources = ruleset.sources(args.rules)
    results = {name: _alone(name, engine.prepare(sources)) for name, engine in ENGINES.items()}
    rules = sum(text.count("condition:") for text in sources.values())
    print(f"{rules:,} rules, {args.megabytes} MB of {args.files}, one core, {platform.python_version()}")
    print(", ".join(f"{package} {version(package)}" for package in dict.fromkeys(PACKAGES.values())))
    print("engine          load s  load MB    MB/s ms / 1 kB ms / 4 kB  disk MB  modules")
    for name, figures in results.items():
        print(row(name, figures))
    reference = results["yara-x"]["matches"]
    for name, figures in results.items():
        different = sum(ours != theirs for ours, theirs in zip(figures["matches"], reference, strict=True))
        print(f"{name}: {sum(map(len, figures['matches'])):,} matches, {different} files unlike yara-x")


def _alone(name: str, prepared: bytes) -> dict[str, Any]:
    """`one` in a process of its own, so that memory is the engine's alone."""
    with NamedTemporaryFile() as stored:
        stored.write(prepared)
        stored.flush()
        command = [sys.executable, __file__, *sys.argv[1:], "--engine", name, "--prepared", stored.name]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    figures: dict[str, Any] = json.loads(output)
    return figures


if __name__ == "__main__":
    main()
