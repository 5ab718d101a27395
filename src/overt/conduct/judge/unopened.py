"""What it shows that no planted document was opened: its marking is in it, and who never sees that can't go by it.

So much holds only of a product that does not say that it reads documents (else it was not exercised), and where no way
to read them past the observers is left: another name of the file, a mount of its own, a gap in the record.
"""

from __future__ import annotations

from collections.abc import Iterator

from overt.conduct.compare.handling import SAME_SIZE, Known
from overt.conduct.evidence.folder import FILES
from overt.conduct.evidence.records import Call, Canary, FileAccess, Side, StepKind
from overt.conduct.judge.answering import Fact, counted
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import INSTALLING, Tally
from overt.conduct.judge.material import Material, RunMaterial
from overt.conduct.judge.sight import incomplete


def why_not(material: Material, declared: Declared, seen: Tally) -> str:
    """Why it shows nothing that no document of a pair was opened, in a sentence; empty if it shows that none was."""
    why = _why_not(material, declared, seen)
    text = "As far as was seen, it opened none of the marked documents, nor their twins; but"
    return f"{text} {why}: how it treats them was not seen." if why else ""


def text(material: Material) -> str:
    """What it shows."""
    pairs = max(len({one.pair for one in _halves(run)}) for run in material.runs)
    return (
        f"It opened none of the documents of {counted(pairs, 'pair')}, nor any other file of the homes, and does not "
        "declare that it reads any: what it does can't depend on what is in them."
    )


def fact(material: Material) -> Fact:
    """Where anybody can look for what was not found."""
    name = FILES[FileAccess]
    runs = counted(len(material.runs), "run")
    return Fact(
        f"no file of the homes among those opened in {runs}",
        tuple(run.reference(name) for run in material.runs),
    )


def claims(declared: Declared, path: str) -> bool:
    """Whether the product says that it reads this, in any step."""
    return any(declared.reads(kind, path) for kind in StepKind)


def _why_not(material: Material, declared: Declared, seen: Tally) -> str:
    if any(claims(declared, path) for path in {one.path for run in material.runs for one in _halves(run)}):
        return "it declares that it reads such"
    room = material.profile.chamber
    if room.mounts or room.own_filter or room.capabilities:
        return "it was given rights by which a file can be read unseen"
    if gap := incomplete(material, declared):
        return f"the record is not whole ({gap.rstrip('.')})"
    if seen.in_homes:
        return "other files of the homes were opened, and a document can be given another's name"
    if any(_known_again(run) for run in material.runs):
        return "some of them were named, moved or kept on the machine"
    return ""


def _halves(run: RunMaterial) -> Iterator[Canary]:
    return (one.value for one in run.canaries.values() if one.value.side is not Side.ALONE)


def _known_again(run: RunMaterial) -> bool:
    """Whether a call named one, or something of one is in what was changed. A size alone is chance among many files."""
    known = Known(_halves(run))
    if any(True for call in run.read(Call) for _ in known.named(call.value.arguments)):
        return True
    changes = (one.value for one in run.changes if run.kind_of(one.value.step) not in INSTALLING)
    return any(trace.how != SAME_SIZE for change in changes for trace in known.traces(change))
