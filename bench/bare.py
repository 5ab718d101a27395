"""The rule engine alone on all processors: no routing, no confinement, no hashing, no unpacking, no report.

    python -m bench.bare SOURCES.json PATH

Prints the seconds that matching took, loading left out.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

import boreal
from bench.trees import regular_files

from overt.rules.check import EXTERNALS

MAX_BYTES = 1 << 30
"""The same as Overt's `max_file_bytes`."""
FILES_PER_TASK = 64

scanner: Any = None


def match(path: str) -> int:
    """Number of rules that match one file; 0 for a file that cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read(MAX_BYTES)
    except OSError:
        return 0
    return len(scanner.match(data=data, fast=True))


def main() -> None:
    """Load, fork, match everything."""
    global scanner
    sources = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    scanner = boreal.compile(sources=sources, externals=dict.fromkeys(EXTERNALS, ""), includes=False)
    processors = len(os.sched_getaffinity(0))
    began = time.perf_counter()
    files = (path for path, _ in regular_files(Path(sys.argv[2])))
    with multiprocessing.get_context("fork").Pool(processors) as pool:
        total = sum(pool.imap_unordered(match, files, FILES_PER_TASK))
    print(json.dumps({"seconds": time.perf_counter() - began, "matches": total}))


if __name__ == "__main__":
    main()
