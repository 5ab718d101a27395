"""The observers around a real chamber: everybody is named, the lab itself is not in the records, hiding fails."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import MIB, ChamberPlan, Command, Limits
from overt.conduct.chamber.warden import in_warden
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Access, Blind, Call, FileAccess, Losses, Process
from overt.conduct.judge.places import place_of
from overt.conduct.judge.secret import SECRETS
from overt.conduct.observe.attribution import Sources, merge
from overt.conduct.observe.blinding import FILTERING, MOUNTING
from overt.conduct.observe.files import FileObserver
from overt.conduct.observe.naming import Names
from overt.conduct.observe.origins import Origins
from overt.conduct.observe.trace import command
from tests.conduct.chamber.conftest import lab  # noqa: F401
from tests.conduct.observe.stage import built
from tests.conduct.observe.test_attribution import step
from tests.conduct.observe.test_ways import PROGRAMS
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.usefixtures("lab")
LETTER = "/home/alice/letter"
SMALL = Limits(
    homes_bytes=32 * MIB, upper_bytes=128 * MIB, tmp_bytes=16 * MIB, memory_bytes=1024 * MIB, processes=1_000
)
SHORT_LIVED = 420


@dataclass
class Observed:
    """What came of one chamber."""

    run: RunFolder
    losses: Losses
    blind: list[Blind]
    output: list[str]
    denied: list[str]
    """Calls that the chamber's filter refused."""

    @property
    def processes(self) -> dict[int, Process]:
        return {process.number: process for process in self.run.read(Process)}

    def opened(self, path: str) -> list[Process]:
        known = self.processes
        rows = self.run.read(FileAccess)
        return [known[row.process] for row in rows if row.path == path and row.access is Access.OPEN]


def observe(
    folder: Path,
    commands: Sequence[str],
    programs: Sequence[Path] = (),
    traced: bool = True,
    user: str = "root",
    declared: bool = False,
    layers: tuple[Path, ...] = (),
    keep: Path | None = None,
) -> Observed:
    """`declared`: by a profile that says that the product mounts, and filters its own calls. `layers` of the chamber:
    such as another one was to `keep`."""
    folder.mkdir(exist_ok=True)
    run = RunFolder(folder / "run")
    run.path.mkdir()

    def work(place: Path) -> None:
        zero, steps, said = time.monotonic(), [], []
        trace = place / "trace.log" if traced else None
        plan = ChamberPlan(layers=layers, limits=SMALL, allow_mounts=declared, record_denied=not declared)
        with Chamber(plan, place) as chamber:
            planted = chamber.homes / LETTER.removeprefix("/home/")
            planted.write_text("dear sir")
            for program in programs:
                chamber.bring(program, f"/opt/{program.name}")
            files = FileObserver()
            files.start(
                chamber.superblocks,
                place / "raw",
                zero,
                planted={LETTER: planted},
                names=Names.of(chamber.roots) if declared else None,
                origins=Origins.of(chamber.uppers),
                secret_kind=lambda path: place_of(path, SECRETS),
            )
            chamber.start(command(trace, whole=declared) if trace is not None else ())
            for number, line in enumerate(commands, 1):
                began, output = time.monotonic() - zero, place / f"output{number}"
                chamber.execute(Command(["sh", "-c", line], timeout_s=PATIENCE_S, user=user), output)
                files.cut()
                said.append(output.read_text())
                steps.append(step(number, began, time.monotonic() - zero))
            if keep is not None:
                chamber.keep(keep)
            chamber.close()
            denied = [one.name for one in chamber.denied()]
            files.stop()
            calls = FILTERING | MOUNTING if declared else frozenset[str]()
            merged = merge(run, Sources(place / "raw", None, trace, declared=calls), steps)
        blind = [{name: getattr(blind, name) for name in Blind.__struct_fields__} for blind in merged.blind]
        losses = {name: getattr(merged.losses, name) for name in Losses.__struct_fields__}
        (folder / "result").write_text(json.dumps([losses, blind, said, denied]))

    state = folder / "state"
    state.mkdir()
    in_warden(work, state)
    losses, blind, output, denied = json.loads((folder / "result").read_text())
    return Observed(run, Losses(**losses), [Blind(**fields) for fields in blind], output, denied)


@pytest.mark.parametrize("traced", [True, False], ids=["with calls", "without calls"])
def test_of_hundreds_of_processes_in_a_chamber_none_is_lost(tmp_path: Path, traced: bool) -> None:
    loop = f"for i in $(seq {SHORT_LIVED}); do /usr/bin/head -c$i {LETTER}; done > /dev/null; :"
    seen = observe(tmp_path, ["true", loop], traced=traced)
    assert seen.losses == Losses()
    heads = seen.opened(LETTER)
    assert sorted(int(head.arguments[1].removeprefix("-c")) for head in heads) == list(
        range(1, SHORT_LIVED + 1)
    )
    known = seen.processes
    assert {process.step for process in heads} == {2} and len({head.sha256 for head in heads}) == 1
    assert {known[head.parent].arguments[0] for head in heads if head.parent} == {"sh"}
    assert all(head.parent for head in heads)
    own = [process for process in known.values() if "overt.conduct" in " ".join(process.arguments)]
    assert not own, "the lab's own processes are no records"
    roots = [process for process in known.values() if process.parent is None]
    assert [root.arguments[0] for root in roots] == ["sh", "sh"][-len(roots) :]


def test_hiding_in_a_chamber_fails_and_is_named(tmp_path: Path) -> None:
    program = built((PROGRAMS / "hides.c").read_text(), tmp_path, "hides", "-lpthread")
    ways = ["untraced", "unshare", "traceme", "own filter", "link", "32 bits", "first thread ends"]
    scratch = {"link": "/home/alice"}
    lines = [f"/opt/hides '{way}' {LETTER} {scratch.get(way, '/tmp')}" for way in ways]
    seen = observe(tmp_path, lines, [program])
    assert seen.losses == Losses()
    assert {process.arguments[1] for process in seen.opened(LETTER)} == set(ways)
    attempts = [blind for blind in seen.blind if blind.attempt]
    assert attempts and all(blind.defeated for blind in attempts), [
        blind.what for blind in attempts if not blind.defeated
    ]
    known = seen.processes
    by = {known[blind.by].arguments[1] for blind in attempts if blind.by is not None}
    assert {"untraced", "traceme", "own filter", "link"} <= by
    assert {"unshare", "mount"} <= set(seen.denied), "the chamber's own filter is asked before the tracer"
    called = {known[call.process].arguments[1] for call in seen.run.read(Call) if call.name == "connect"}
    assert called == set(ways) - {"untraced"}, "untraced calls fail before they are made"


def test_a_program_from_memory_is_seen_by_its_calls(tmp_path: Path) -> None:
    program = (
        "import os; d = os.memfd_create('tool'); os.write(d, open('/usr/bin/cat', 'rb').read());"
        f" os.execve(d, ['not-cat', '{LETTER}'], {{}})"
    )
    seen = observe(tmp_path, [f'python3 -c "{program}"'])
    assert seen.output == ["dear sir"]
    (reader,) = seen.opened(LETTER)
    assert reader.arguments == ("not-cat", LETTER) and reader.program.startswith("/memfd:tool")
    assert seen.losses == Losses()


def test_who_opens_nothing_has_the_rights_of_its_parent(tmp_path: Path) -> None:
    seen = observe(tmp_path, ["( kill -0 $$; : ) ; ( ( kill -0 $$ ) )"], user="alice")
    subshells = [seen.processes[call.process] for call in seen.run.read(Call) if call.name == "kill"]
    assert len(subshells) == 2
    assert {(one.user, one.capabilities, one.program) for one in subshells} == {(1000, (), "/usr/bin/dash")}


def test_a_filter_of_its_own_hides_no_call_where_it_is_declared(tmp_path: Path) -> None:
    """Every call is traced then, before any filter; and nobody gets away from the tracer."""
    program = built((PROGRAMS / "hides.c").read_text(), tmp_path, "hides", "-lpthread")
    ways = ["own filter", "untraced", "32 bits"]
    seen = observe(tmp_path, [f"/opt/hides '{way}' {LETTER} /tmp" for way in ways], [program], declared=True)
    assert seen.losses == Losses()
    connected = [one for one in seen.run.read(Call) if one.name == "connect" and "8443" in one.arguments]
    known = seen.processes
    assert {known[one.process].arguments[1] for one in connected} == {"own filter", "32 bits"}
    assert seen.output[1] == "", "no process without its tracer was made"
    signs = {(blind.attempt, blind.defeated) for blind in seen.blind if "a filter that answers" in blind.what}
    assert signs == {(False, True)}
    (untraced,) = [blind for blind in seen.blind if "its tracer can't follow" in blind.what]
    assert untraced.defeated


BOUND = """
mount --bind /etc /usr/share/doc; cat /usr/share/doc/hostname; umount /usr/share/doc
mount --bind /home/alice /usr/share/doc; cat /usr/share/doc/letter /usr/share/doc/.profile
mkdir -p /tmp/root/doc; mount --bind /usr /tmp/root; mount --bind /etc /tmp/root/share/doc
chroot /tmp/root /bin/cat /share/doc/hosts
cd /usr/share/doc; umount -l /usr/share/doc; cat .profile
"""
"""Names of the product's own for files: a bound folder, a planted file, a root below another, a mount that is gone."""


def test_files_keep_their_names_wherever_a_product_mounts_them(tmp_path: Path) -> None:
    lines = ["touch /home/alice/.profile", f"unshare -Urm sh -c '{BOUND}'"]
    seen = observe(tmp_path, lines, user="alice", declared=True)
    opened = {row.path for row in seen.run.read(FileAccess) if row.access is Access.OPEN}
    assert {"/etc/hostname", LETTER, "/home/alice/.profile"} <= opened, seen.output
    assert "/etc/hosts" in opened, seen.output
    named = {path for path in opened if path.startswith(("/usr/share/doc/", "/tmp/root"))}
    nameless = [blind for blind in seen.blind if "through a mount without a name" in blind.what]
    assert {(blind.attempt, blind.defeated) for blind in nameless} == {(False, False)}, (
        "said, and never as nothing"
    )
    assert named <= {"/usr/share/doc/.profile"}, named


MOUNTS = {"-t tmpfs none": False, "--bind /etc": False, "-t overlay -o lowerdir=/home:/usr none": True}


@pytest.mark.parametrize("what", MOUNTS)
def test_of_what_a_product_mounts_another_view_of_files_hides(tmp_path: Path, what: str) -> None:
    """Through an overlay of its own a product reads unheard: the report must say so, declared or not."""
    line = f"unshare -Urm sh -c 'mount {what} /mnt && echo mounted'"
    seen = observe(tmp_path, [line], user="alice", declared=True)
    assert seen.output == ["mounted\n"]
    hidden = [blind.what for blind in seen.blind if not blind.defeated]
    assert bool(hidden) is MOUNTS[what], hidden
