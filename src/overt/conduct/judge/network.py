"""Whom the product contacted, whether it had declared that, and whether anyone in between could read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.records import Flow, Mode, Opened, StepKind
from overt.conduct.judge.answering import Fact, Said, bytes_text, counted, seconds_text, some
from overt.conduct.judge.declared import Declared, names_given
from overt.conduct.judge.material import Cited, Material, RunMaterial

LOST = "part of the traffic was not kept"
PLAIN_BY_NATURE = ("dns", "ntp", "stun")
"""Protocols whose unencrypted form is everybody's: named among the facts, not held against a product."""


@dataclass
class Contact:
    """All that went to one destination, over all runs."""

    place: str
    declared: bool = True
    flows: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    applications: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    steps: set[StepKind] = field(default_factory=set)
    opened: set[Opened] = field(default_factory=set)
    references: list[str] = field(default_factory=list)
    first_s: float = 0.0
    fronts: set[str] = field(default_factory=set)
    """Declared names behind which undeclared connections went."""
    given: set[str] = field(default_factory=set)
    """Other names that the product gave on undeclared connections."""

    def add(self, run: RunMaterial, flow: Cited[Flow], declared: Declared) -> None:
        """Count one more flow to it."""
        value, kind = flow.value, run.kind_of(flow.value.step)
        if not declared.connects(kind, value):
            self.declared = False
            for name in names_given(value):
                (self.fronts if declared.names(kind, name) else self.given).add(name)
        self.flows += 1
        self.sent_bytes += value.sent_bytes
        self.received_bytes += value.received_bytes
        self.applications.add(value.application or value.protocol)
        self.programs.add(run.program(value.process))
        self.steps.add(run.kind_of(value.step))
        self.opened.add(value.opened)
        self.references.append(flow.reference)
        self.first_s = self.first_s or value.at_s

    @property
    def fact(self) -> Fact:
        """All of it in a sentence."""
        how = "/".join(sorted(self.applications))
        text = (
            f"{self.place} ({how}): {counted(self.flows, 'connection')}, {bytes_text(self.sent_bytes)} sent, "
            f"{bytes_text(self.received_bytes)} received, by {some(sorted(self.programs), 2)}, "
            f"while: {some(sorted(self.steps))}; first {seconds_text(self.first_s)}"
        )
        if self.declared:
            return Fact(text, tuple(self.references))
        return Fact(f"undeclared: {text}{self.front}", tuple(self.references))

    @property
    def front(self) -> str:
        """How it was made to look like a declared contact; empty if it was not."""
        if not self.fronts:
            return ""
        inside = f", asking inside for {some(sorted(self.given))}" if self.given else ""
        return f"; it gave the declared name {some(sorted(self.fronts))} there{inside} (domain fronting)"


def is_dns(flow: Flow) -> bool:
    """Whether it only asks for names."""
    return flow.application == "dns"


def contacts(material: Material, declared: Declared) -> list[Contact]:
    """The destinations of all runs, undeclared ones first, then by bytes sent."""
    found: dict[str, Contact] = {}
    for run in material.runs:
        for flow in run.flows.values():
            if not is_dns(flow.value):
                place = flow.value.destination
                contact = found.setdefault(place, Contact(place))
                contact.add(run, flow, declared)
    return sorted(found.values(), key=lambda one: (one.declared, -one.sent_bytes, one.place))


@dataclass(frozen=True)
class Asked:
    """A name that was asked for."""

    name: str
    kind: StepKind
    declared: bool
    reference: str


def names_asked(material: Material, declared: Declared) -> Iterator[Asked]:
    """Every question to a name server."""
    for run in material.runs:
        for flow in run.flows.values():
            if is_dns(flow.value):
                kind = run.kind_of(flow.value.step)
                for request in flow.value.requests:
                    yield Asked(
                        request.target,
                        kind,
                        declared.names(kind, request.target),
                        flow.reference,
                    )


def is_declared(declared: Declared, run: RunMaterial, flow: Flow) -> bool:
    """Whether the place was declared; of a conversation with a name server: every name that was asked for."""
    kind = run.kind_of(flow.step)
    if is_dns(flow):
        return all(declared.names(kind, one.target) for one in flow.requests)
    return declared.connects(kind, flow)


def unwatched(material: Material) -> str:
    """Why the runs can say nothing about the network; empty if one can."""
    if not material.runs:
        return "there is no run"
    if not any(run.observed("network") for run in material.runs):
        return "the network was not observed"
    return ""


def nothing_could_leave(material: Material) -> bool:
    """Whether no run had anything that answers."""
    return all(run.run.mode is Mode.DEAD for run in material.runs)


def caveat(material: Material) -> str:
    """What a quiet network means in the modes that ran."""
    modes = {run.run.mode for run in material.runs}
    if modes == {Mode.DEAD}:
        return "There was no network in these runs: only attempts could be seen."
    if Mode.PASS_THROUGH in modes:
        return ""
    return "Only the lab's own servers were there to answer: with its maker's answers, a product may do more."


def contact(material: Material, declared: Declared) -> Said:
    """Did it contact anyone?"""
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    found = contacts(material, declared)
    asked = list(names_asked(material, declared))
    if not found and not asked:
        return Said(Verdict.NO, True, _spaced("It contacted nobody and asked for no name.", caveat(material)))
    facts = [one.fact for one in found] + _dns_facts(asked)
    known = all(one.declared for one in found) and all(one.declared for one in asked)
    places = some([one.place for one in found] or sorted({one.name for one in asked}), 3)
    sent = sum(one.sent_bytes for one in found)
    what = (
        f"It contacted {counted(len(found), 'destination')} ({places}) and sent them {bytes_text(sent)}."
        if found
        else f"It asked for names ({places}), and connected to nobody."
    )
    return Said(Verdict.YES, None if known else False, what, tuple(facts))


def lost(material: Material) -> bool:
    """Whether something of what the network carried may be missing from the record."""
    losses = [run.run.losses for run in material.runs]
    return any(one.packets or one.stream_bytes or one.other for one in losses)


def undeclared(material: Material, declared: Declared) -> Said:
    """Did it contact anyone it had not declared?"""
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    found = [one for one in contacts(material, declared) if not one.declared]
    asked = [one for one in names_asked(material, declared) if not one.declared]
    if not found and not asked:
        if lost(material):
            return Said(Verdict.UNSEEN, None, f"Nobody undeclared was seen; but {LOST}.")
        return Said(Verdict.NO, True, "It contacted nobody that it had not declared.")
    facts = [one.fact for one in found] + _dns_facts(asked)
    if found:
        text = f"It contacted {some((one.place for one in found), 3)}, which it had not declared."
        if fronted := [one.place for one in found if one.fronts]:
            text += f" It made {some(fronted, 3)} look like a declared contact, by a declared name (domain fronting)."
    else:
        text = (
            f"It asked the name server for {some(dict.fromkeys(one.name for one in asked), 2)}, undeclared."
        )
    return Said(Verdict.YES, False, text, tuple(facts))


def transport(material: Material, declared: Declared) -> Said:
    """Did it use connections that others can read or change?"""
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    flows = [(run, flow) for run in material.runs for flow in run.flows.values() if _carried(flow.value)]
    opaque = {(run.name, number) for run in material.runs for one in run.opaque for number in one.value.flows}
    plain = [
        (run, flow) for run, flow in flows if _is_plain(flow.value, (run.name, flow.value.number) in opaque)
    ]
    if plain:
        places = some(sorted({flow.value.destination for _, flow in plain}), 3)
        text = f"It spoke without encryption to {places}: anyone on the way can read and change that."
        return Said(Verdict.YES, False, text, _plain_facts(plain))
    if lost(material):
        return Said(Verdict.UNSEEN, None, f"Nothing unencrypted was seen; but {LOST}.")
    if flows:
        asked = any(is_dns(flow.value) for run in material.runs for flow in run.flows.values())
        but = ", but for questions to the name server" if asked else ""
        text = f"All that it sent and received was encrypted{but} ({counted(len(flows), 'connection')})."
        return Said(Verdict.NO, True, text)
    if nothing_could_leave(material):
        return Said(Verdict.UNSEEN, None, "There was no network in these runs, so no connection came about.")
    return Said(Verdict.NO, True, _spaced("It sent and received nothing.", caveat(material)))


def _carried(flow: Flow) -> bool:
    return flow.application not in PLAIN_BY_NATURE and bool(flow.sent_bytes or flow.received_bytes)


def _is_plain(flow: Flow, disordered: bool) -> bool:
    """Unless its bytes look encrypted by a protocol of the product's own: those are told as unread."""
    if flow.application in ("https", "tls", "quic") or (flow.application == "raw" and disordered):
        return False
    return flow.opened is Opened.PLAIN


def _plain_facts(plain: Iterable[tuple[RunMaterial, Cited[Flow]]]) -> tuple[Fact, ...]:
    grouped: dict[tuple[str, str, str], list[Cited[Flow]]] = {}
    for run, flow in plain:
        key = (flow.value.destination, flow.value.application, run.program(flow.value.process))
        grouped.setdefault(key, []).append(flow)
    facts = []
    for (place, how, program), flows in sorted(grouped.items()):
        first = next((request for flow in flows for request in flow.value.requests), None)
        asked = f", first {first.method} {first.target}" if first else ""
        text = f"{place}: {counted(len(flows), 'connection')} by plain {how}, by {program}{asked}"
        facts.append(Fact(text, tuple(flow.reference for flow in flows)))
    return tuple(facts)


def _dns_facts(asked: Iterable[Asked]) -> list[Fact]:
    """One fact for each parent domain: a tunnel asks for thousands of names below one."""
    grouped: dict[tuple[bool, str], list[Asked]] = {}
    for one in asked:
        grouped.setdefault((one.declared, parent_domain(one.name)), []).append(one)
    facts = []
    for (known, parent), many in sorted(grouped.items()):
        names = list(dict.fromkeys(one.name for one in many))
        text = f"asked the name server {counted(len(many), 'time')} for {counted(len(names), 'name')} in {parent}: "
        text = ("" if known else "undeclared: ") + text + some(names, 3)
        facts.append(Fact(text, tuple(dict.fromkeys(one.reference for one in many))))
    return facts


def parent_domain(name: str) -> str:
    """Its last two labels: whose name server sees the question."""
    return ".".join(name.lower().rstrip(".").split(".")[-2:])


def _spaced(*texts: str) -> str:
    return " ".join(text for text in texts if text)
