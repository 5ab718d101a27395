"""The scheme's requirements, one table. Everything else, the documentation too, is made from it or held against it.

Sources: Regulation (EU) 2024/2847 (Cyber Resilience Act), Annex I, Part I point (2) and Part II, and Annex II; Common
Criteria CC:2022, Part 2; components whose name ends in _EXT are of NIAP's Protection Profile for Application Software.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from overt.conduct.evidence.records import StepKind
from overt.conduct.profile import DETECTIONS

SCHEME = "overt-conduct-scheme/1"

Kinds = tuple[StepKind, ...]
"""Of a step; any of them will do."""


class Level(IntEnum):
    """What a certificate vouches for; each level has the requirements of those below it."""

    NONE = 0
    DISCREET = 1
    MODEST = 2
    ACCOUNTABLE = 3


LEVELS = {
    Level.DISCREET: "It sends nothing of its user's files that it has not declared, to nobody that it has not "
    "declared, and does not hide.",
    Level.MODEST: "And it opens, changes, runs and keeps nothing that it has not declared.",
    Level.ACCOUNTABLE: "And it takes no forged update, leaves nothing behind, and was compared in many runs.",
}


@dataclass(frozen=True, slots=True)
class Depth:
    """How much must have been exercised for a level."""

    pairs: int
    """Matched pairs of marked and unmarked files in a run, at least."""
    runs: int
    """At least."""
    arms: frozenset[str]
    """What must have been planted in some run."""
    steps: tuple[Kinds, ...]
    """What some run must have exercised: of each, one kind."""


INSTALLED: tuple[Kinds, ...] = (DETECTIONS, (StepKind.IDLE,), (StepKind.INSTALL,))
DEPTHS = {
    Level.DISCREET: Depth(8, 1, frozenset({"mixed"}), (DETECTIONS,)),
    Level.MODEST: Depth(8, 2, frozenset({"mixed"}), INSTALLED),
    Level.ACCOUNTABLE: Depth(
        16,
        12,
        frozenset({"mixed", "none", "plain", "marked"}),
        (*INSTALLED, (StepKind.UPDATE,), (StepKind.UNINSTALL,)),
    ),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement."""

    name: str
    """`OC-01`: never reused for another."""
    title: str
    level: Level
    demand: str
    """What the product shall do."""
    why: str
    question: str
    """The question of a report whose answer tests it."""
    passes: str
    """The criterion, in words."""
    declared_passes: bool
    """Whether an answer that is neither good nor bad (what is declared) passes; else it shows nothing."""
    cannot_show: str
    cra: tuple[str, ...]
    common_criteria: tuple[str, ...]


REQUIREMENTS = (
    Requirement(
        "OC-01",
        "Content stays",
        Level.DISCREET,
        "The content of files shall not leave the machine unless its user agreed to exactly that.",
        "Security software sees everything; that it may read a file is no leave to send it.",
        "content-left",
        "No part of a planted file is found in what left, and all that left could be read.",
        False,
        "Content hidden by encryption that the lab can't open makes it not shown. Whether a user was asked is not "
        "visible: declared sending is not shown either.",
        ("Annex I, Part I (2)(e)", "Annex I, Part I (2)(g)"),
        ("FDP_ETC.1", "FDP_IFC.1", "FDP_IFF.1", "FPR_ANO_EXT.1"),
    ),
    Requirement(
        "OC-02",
        "Names stay",
        Level.DISCREET,
        "Names and paths of files shall not leave unless the product declares it.",
        "A name tells a diagnosis, a client, a plan.",
        "names-left",
        "No name or path of a planted file is found in what left, or the product declares that it sends names.",
        True,
        "Names in a form that no decoder of the finder knows.",
        ("Annex I, Part I (2)(g)",),
        ("FDP_ETC.1", "FDP_IFF.1", "FPR_ANO_EXT.1"),
    ),
    Requirement(
        "OC-03",
        "Digests are declared",
        Level.DISCREET,
        "Digests and sizes of files shall not leave unless the product declares it.",
        "A digest, or a rare size, tells whoever knows a document that this machine has it.",
        "digests-left",
        "No digest of a planted file, of its members or its beginning is found in what left, and their sizes no more "
        "often than chance has them; or the product declares that it sends digests.",
        True,
        "Keyed, truncated or fuzzy digests; a size or two.",
        ("Annex I, Part I (2)(g)",),
        ("FDP_ETC.1", "FDP_IFF.1"),
    ),
    Requirement(
        "OC-04",
        "Declared destinations",
        Level.DISCREET,
        "The product shall contact, and ask a name server for, declared places only.",
        "Only a place that is named can be judged, allowed or blocked.",
        "undeclared-contact",
        "Every connection and every question to a name server is for a declared place.",
        False,
        "Contact that waits for a date, a place, an order or a licence that the runs did not have.",
        ("Annex I, Part I (2)(j)", "Annex II (4)", "Annex II (5)"),
        ("FDP_IFC.1", "FDP_IFF.1", "FDP_NET_EXT.1"),
    ),
    Requirement(
        "OC-05",
        "Markings make no difference",
        Level.DISCREET,
        "What the product does with a file shall not depend on a classification or confidentiality marking in it.",
        "A scanner that looks for secrets is a search engine for somebody.",
        "marking",
        "No exact test over matched pairs and runs shows a difference in what leaves or in what is opened, read, "
        "changed and kept on the machine (corrected p below 0.01); none hints at one, and one could have shown it. "
        "Or a whole record of every run shows that it opened no file of the homes, and it does not declare that it "
        "reads any.",
        False,
        "Markings, languages and formats that were not planted; differences too small for the number of runs; what was "
        "packed or encrypted on the machine and does not differ in size between runs; of a product that opened no "
        "document, what it would do with one: its declared scope says whether it is for documents.",
        ("Annex I, Part I (2)(g)",),
        ("FDP_IFF.3",),
    ),
    Requirement(
        "OC-06",
        "Nothing leaves for being found",
        Level.DISCREET,
        "After a detection nothing of the file, its archive or its neighbours shall leave unless its user agreed.",
        "In 2017 a whole archive with secret documents was uploaded because malware was found in it.",
        "after-detection",
        "Nothing is sent during or after a step in which it meets what it is to find: it opens malware test files; or "
        "they are opened in front of it and refused or reported; or, if it declares to read none of them and "
        "opens no file of the homes, it tells that it found the harmless trace that its profile plants.",
        False,
        "Sending that starts later than the runs last, or for what was not planted.",
        ("Annex I, Part I (2)(g)", "Annex I, Part I (2)(l)"),
        ("FDP_ETC.1", "FDP_IFF.1", "FPR_ANO_EXT.1"),
    ),
    Requirement(
        "OC-07",
        "Encrypted transport",
        Level.DISCREET,
        "Everything that the product sends or fetches shall be encrypted on its way.",
        "What is fetched in the clear can be changed, what is sent can be read, by anyone on the way.",
        "plain-transport",
        "No connection with content is unencrypted (questions to a name server are excepted).",
        False,
        "Weak encryption, and whether certificates are checked beyond what accepting the lab's own authority tells.",
        ("Annex I, Part I (2)(e)", "Annex I, Part I (2)(f)"),
        ("FDP_UCT.1", "FDP_UIT.1", "FTP_ITC.1", "FTP_DIT_EXT.1"),
    ),
    Requirement(
        "OC-08",
        "Trust is not changed",
        Level.DISCREET,
        "The product shall not change which certificates the machine or its programs trust.",
        "Whoever holds the key of a planted authority reads all encrypted traffic.",
        "certificates",
        "No store of trusted certificates differs after the runs.",
        False,
        "Interception inside the product's own processes, or in the kernel.",
        ("Annex I, Part I (2)(e)", "Annex I, Part I (2)(i)", "Annex I, Part I (2)(j)"),
        ("FMT_MTD.1", "FTP_ITC.1"),
    ),
    Requirement(
        "OC-09",
        "Observable",
        Level.DISCREET,
        "The product shall do nothing that hides its conduct from an observer on its user's machine.",
        "Conduct that can't be checked can't be certified.",
        "observer",
        "No attempt to blind, end, escape or mislead the observers was seen.",
        False,
        "Recognition of the chamber that changes nothing visible.",
        ("Annex I, Part I (2)(l)",),
        ("FAU_GEN.1",),
    ),
    Requirement(
        "OC-10",
        "A whole record",
        Level.DISCREET,
        "The record on which a certificate rests shall have no gaps.",
        "What was not seen is not clean.",
        "sight",
        "No event lost, every step ended as expected, every observer at work, everything that left readable.",
        False,
        "What happens outside the machine.",
        ("Annex I, Part I (2)(l)",),
        ("FAU_GEN.1",),
    ),
    Requirement(
        "OC-11",
        "Reads what it declares",
        Level.MODEST,
        "The product shall open only files that it declares, that are its own, or that every program opens.",
        "Data minimisation begins with what is read.",
        "beyond-scope-reads",
        "No undeclared file is opened; listing an undeclared folder is said and tolerated.",
        True,
        "Looking at names, sizes and times without opening; whether what is declared is necessary.",
        ("Annex I, Part I (2)(g)", "Annex II (4)"),
        ("FDP_ACC.1", "FDP_ACF.1", "FDP_DEC_EXT.1"),
    ),
    Requirement(
        "OC-12",
        "Secrets are left alone",
        Level.MODEST,
        "Keys, password stores, browser profiles, wallets and mail shall not be opened unless declared.",
        "They are never malware, and always worth stealing.",
        "secrets",
        "No planted secret and no file in a place of secrets is opened undeclared.",
        True,
        "Secrets in memory and in places that the table does not know.",
        ("Annex I, Part I (2)(d)", "Annex I, Part I (2)(g)"),
        ("FDP_ACC.1", "FDP_ACF.1", "FDP_DEC_EXT.1"),
    ),
    Requirement(
        "OC-13",
        "Changes what it declares",
        Level.MODEST,
        "The product shall change only what it declares, and what installing it brings.",
        "A user's data and system are not the product's to change.",
        "beyond-scope-changes",
        "No undeclared path differs at the end of a step.",
        True,
        "Changes that are undone within a step.",
        ("Annex I, Part I (2)(f)",),
        ("FDP_ACC.1", "FDP_ACF.1"),
    ),
    Requirement(
        "OC-14",
        "Runs what it declares",
        Level.MODEST,
        "The product shall run only programs of its own, and declared ones.",
        "Every program that is run with the product's rights is part of its attack surface.",
        "beyond-scope-executes",
        "No undeclared program is executed.",
        True,
        "Code that is loaded or interpreted inside the product's own processes.",
        ("Annex I, Part I (2)(j)",),
        ("FDP_ACC.1", "FDP_ACF.1"),
    ),
    Requirement(
        "OC-15",
        "Starts only as declared",
        Level.MODEST,
        "Whatever makes the product start by itself shall be declared.",
        "A user must be able to know what runs, and to stop it.",
        "persistence",
        "Nothing undeclared is installed that the system, a log-in or another program starts.",
        True,
        "Ways of starting that the table does not know.",
        ("Annex I, Part I (2)(b)", "Annex I, Part I (2)(j)"),
        ("FMT_MOF.1", "FMT_CFG_EXT.1"),
    ),
    Requirement(
        "OC-16",
        "Listens only as declared",
        Level.MODEST,
        "Ports and sockets on which the product waits for others shall be declared.",
        "An open port is an offer to everybody.",
        "listening",
        "No undeclared port or socket is listened on.",
        True,
        "Listening that is shorter than the observers' intervals, where system calls are not traced.",
        ("Annex I, Part I (2)(d)", "Annex I, Part I (2)(j)"),
        ("FDP_NET_EXT.1",),
    ),
    Requirement(
        "OC-17",
        "Least privilege",
        Level.MODEST,
        "The product shall hold no right beyond those that it declares.",
        "A right that is not held can't be abused when the product is taken over. Whoever starts a program as root "
        "hands it all of root's rights: what it needs of them is its maker's to say, and the lab's to try.",
        "privileges",
        "As root it did its work with the capabilities that it declares, all others being taken from it; no program of "
        "it held an undeclared one, none gained rights that it was not started with, and no undeclared program "
        "that gives rights was left on the machine.",
        False,
        "Whether a declared right is needed.",
        ("Annex I, Part I (2)(j)", "Annex I, Part I (2)(k)"),
        ("FDP_ACF.1", "FDP_DEC_EXT.1"),
    ),
    Requirement(
        "OC-18",
        "Takes no forged update",
        Level.ACCOUNTABLE,
        "An update shall be installed only if it is proven to be the maker's, however it came.",
        "Whoever can update security software owns every machine that runs it.",
        "update-integrity",
        "The product takes a true, recorded update; offered a forged one in its place by a server whose certificate is "
        "trusted, it does not take that.",
        False,
        "What the product packs or encrypts before it keeps it; a maker who forges.",
        ("Annex I, Part I (2)(c)", "Annex I, Part I (2)(f)", "Annex I, Part II (7)"),
        ("FPT_ITI.1", "FPT_TUD_EXT.1"),
    ),
    Requirement(
        "OC-19",
        "Leaves nothing behind",
        Level.ACCOUNTABLE,
        "Removing the product shall remove everything that it added.",
        "A user who leaves must be able to leave wholly.",
        "removal",
        "No path that the product added is left after it was uninstalled, and no process of it goes on.",
        False,
        "What it keeps about its user elsewhere; what it changed in files that it did not add.",
        ("Annex I, Part I (2)(m)", "Annex II (8)"),
        ("FDP_RIP.1", "FPT_TUD_EXT.2"),
    ),
)

BY_NAME = {requirement.name: requirement for requirement in REQUIREMENTS}


def required(level: Level) -> tuple[Requirement, ...]:
    """What a product must pass for a level."""
    return tuple(requirement for requirement in REQUIREMENTS if requirement.level <= level)
