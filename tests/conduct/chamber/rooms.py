"""Runs commands in a chamber for the tests, and looks at the host from outside."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import MIB, ChamberPlan, Command, Ended, Limits
from overt.conduct.chamber.warden import in_warden
from tests.waiting import PATIENCE_S

SMALL = Limits(
    homes_bytes=32 * MIB, upper_bytes=128 * MIB, tmp_bytes=16 * MIB, memory_bytes=512 * MIB, processes=400
)


@dataclass(frozen=True)
class Said:
    """How one command ended, and what it printed."""

    ended: Ended
    output: str


def run(
    state: Path,
    commands: Iterable[str | Sequence[str]],
    plan: ChamberPlan | None = None,
    before: Callable[[Chamber], None] = lambda chamber: None,
    after: Callable[[Chamber], None] = lambda chamber: None,
    tracer: Sequence[str] = (),
    **how: object,
) -> list[Said]:
    """Run each command (a text is for the shell) in one new chamber whose work folder is below `state`."""
    result = state / "result.json"

    def work(folder: Path) -> None:
        said = []
        with Chamber(plan or ChamberPlan(limits=SMALL), folder) as chamber:
            before(chamber)
            chamber.start(tracer)
            for number, command in enumerate(commands):
                one = say(chamber, command, folder / f"output{number}", **how)
                fields = {name: getattr(one.ended, name) for name in Ended.__dataclass_fields__}
                said.append({"ended": fields, "output": one.output})
            after(chamber)
        result.write_text(json.dumps(said))

    state.mkdir(exist_ok=True)
    in_warden(work, state)
    return [Said(Ended(**said["ended"]), said["output"]) for said in json.loads(result.read_text())]


def say(chamber: Chamber, command: str | Sequence[str], output: Path, **how: object) -> Said:
    """Run one command (a text is for the shell) in a chamber that was started."""
    argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
    ended = chamber.execute(Command(argv, **{"timeout_s": PATIENCE_S, **how}), output)  # type: ignore[arg-type]
    return Said(ended, output.read_text(errors="replace"))


def python(program: str) -> list[str]:
    """A command that runs a Python program inside."""
    return ["/usr/bin/python3", "-c", program]


def host_state(state: Path) -> dict[str, object]:
    """What a chamber could leave on the host besides files: mounts, links, firewall rules, loop devices that use a file
    below `state`, control groups."""
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False).stdout
    links = sorted(path.name for path in Path("/sys/class/net").iterdir())
    return {
        "mounts": _mounts(state),
        "links": links,
        "rules": rules,
        "loops": loops(state),
        "hostname": os.uname().nodename,
        "folders": sorted(path.name for path in state.glob("run-*")) if state.exists() else [],
    }


def _mounts(state: Path) -> list[str]:
    """The mount table, without what other tests mount below folders of theirs at the same time."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    places = {line: Path(line.split()[4]) for line in lines}
    others = Path(tempfile.gettempdir()).resolve()
    return [
        line
        for line, place in places.items()
        if place.is_relative_to(state) or not place.is_relative_to(others)
    ]


def loops(state: Path) -> list[str]:
    """Loop devices that use a file below `state`."""
    found = []
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            if path.read_text().startswith(str(state)):
                found.append(path.parts[3])
        except OSError:
            continue
    return found


def control_groups(name: str) -> list[str]:
    """Control groups that belong to the run `name`."""
    return [str(path) for path in Path("/sys/fs/cgroup").rglob(f"overt-conduct-{name}")]


def processes(word: str) -> list[int]:
    """Processes that have `word` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
