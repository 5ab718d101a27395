"""The conduct lab's finder over captured traffic: of chance, of other people's files, of what products send; its slope.

    python -m bench.conduct_finder [--mib 64 256 1024] [--of mixed | chance | files | traffic | small]

For each size: a run of so many MiB of streams, searched with two workers: three quarters of chance, one quarter of
/usr's files, and canaries in some; or only chance, or only files, and no canary; or many connections with HTTP
requests as the sink opens and records them, and no canary: what products send (`traffic`), or nothing but 2 kB of
unreadable base64 in each (`small`, the slowest kind). Prints wall and processor time, memory, and how many canaries
were seen in any form (all that were planted in the streams, and no other). Ratios of the same run say more than
figures of different days.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.conduct_traffic import Conversation, realistic, unreadable

from overt.conduct.canary.plan import plan
from overt.conduct.canary.planned import Planned
from overt.conduct.evidence.conclusions import OpaqueBytes, Sighting
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.evidence.records import Arm, Canary, Flow, Opened
from overt.conduct.finder.needles import TEST_FILE
from overt.conduct.finder.search import find

MIB = 1 << 20
CHANCE = {"mixed": 0.75, "chance": 1.0, "files": 0.0}
"""Share of the streams' bytes that are chance; only in what is mixed are canaries."""
KINDS = (*CHANCE, "traffic", "small")
UPLOADED_BYTES = 16 * MIB
"""Of /usr's files, from which uploads are taken."""
STREAM_MIB = 16
SEED = 4
PLANTED_EVERY = 4
"""One stream of so many carries a canary, packed. EICAR in it is anybody's, and does not count as false."""


def other_files(limit: int) -> Iterator[bytes]:
    """Up to `limit` bytes of files below /usr, in a random order that a seed decides."""
    paths = [path for path in sorted(Path("/usr").rglob("*")) if path.is_file() and not path.is_symlink()]
    random.Random(SEED).shuffle(paths)
    for path in paths:
        if limit <= 0:
            return
        data = path.read_bytes()[:limit]
        limit -= len(data)
        yield data


def captured(folder: Path, mib: int, canaries: list[Planned], of: str) -> tuple[RunFolder, set[int]]:
    """A run of `mib` MiB of what was sent, and the canaries that are in it."""
    run = ReportFolder(folder).new_run("mixed-1")
    run.write(Canary, [item.record() for item in canaries])
    planted: set[int] = set()
    conversations = streams(mib, canaries, of, planted) if of in CHANCE else traffic(mib, of)
    run.write(Flow, [_flow(run, number, made) for number, made in enumerate(conversations, 1)])
    return run, planted


def streams(mib: int, canaries: list[Planned], of: str, planted: set[int]) -> Iterator[Conversation]:
    """Long ones; the canaries that are in them are added to `planted`."""
    chance = int(STREAM_MIB * MIB * CHANCE[of])
    held = STREAM_MIB * MIB - chance
    files = b"".join(other_files(mib // STREAM_MIB * held))
    for number in range(1, mib // STREAM_MIB + 1):
        data = os.urandom(chance) + files[(number - 1) * held : number * held]
        if of == "mixed" and number % PLANTED_EVERY == 0:
            item = canaries[number % len(canaries)]
            if item.number is not None and len(item.data) > 2_000:
                planted.add(item.number)
                data += gzip.compress(item.data)
        yield Conversation("", data, ())


def traffic(mib: int, of: str) -> Iterator[Conversation]:
    """Many connections, as the sink opens and records them."""
    return (
        unreadable(mib * MIB, SEED)
        if of == "small"
        else realistic(mib * MIB, SEED, [*other_files(UPLOADED_BYTES)])
    )


def _flow(run: RunFolder, number: int, made: Conversation) -> Flow:
    name = f"streams/{number:06}.out"
    (run.path / name).write_bytes(made.sent)
    return Flow(
        number=number,
        at_s=float(number),
        ended_s=number + 0.5,
        step=1,
        process=1 if made.host else None,
        protocol="tcp",
        application="https" if made.host else "raw",
        opened=Opened.DECRYPTED if made.host else Opened.PLAIN,
        address="198.18.0.1",
        port=443 if made.host else 1000 + number,
        name=made.host,
        sent_bytes=len(made.sent),
        sent=name,
        requests=made.requests,
    )


def measure(mib: int, of: str) -> str:
    """One line for one size."""
    canaries = [item for item in plan(Arm.MIXED, SEED) if item.number is not None]
    bodies = {item.number: (item.data, *item.pieces) for item in canaries if item.number is not None}
    with tempfile.TemporaryDirectory(prefix="finder-") as folder:
        run, planted = captured(Path(folder) / "report", mib, canaries, of)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        find(run, bodies=bodies)
        seconds = time.perf_counter() - began
        _reap()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seen = {sighting.canary for sighting in run.read(Sighting) if sighting.matched != TEST_FILE}
        opaque = sum(row.bytes for row in run.read(OpaqueBytes))
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (
        f"{mib:5} MiB {of}: {seconds:6.1f} s, {mib / seconds:5.2f} MiB/s, workers {used:6.1f} s of processor, "
        f"peak {after.ru_maxrss / 1024:.0f} MiB each; planted {len(planted)}, found {len(planted & seen)}, "
        f"false {len(seen - planted)}; opaque {opaque / MIB:.0f} MiB"
    )


def _reap() -> None:
    """Wait for the nurseries, so that their workers' times are known."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def main() -> None:
    """Measure each size that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--of", choices=KINDS, default="mixed")
    args = parser.parse_args()
    for mib in args.mib:
        print(measure(mib, args.of), flush=True)


if __name__ == "__main__":
    main()
