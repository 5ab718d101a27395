"""Would the product install an update that somebody else made? What the lab offered in its maker's place, and what came
of that: was it executed, was it kept where the product keeps what it uses, or was it refused?

A forgery is only said to be refused where the true update for the same request was taken before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.marks import TRACE, trace_of
from overt.conduct.evidence.records import (
    Access,
    Change,
    Changed,
    FileAccess,
    Flow,
    Mode,
    Offered,
    Request,
    StepKind,
    StepRun,
)
from overt.conduct.judge import ordinary
from overt.conduct.judge.answering import Fact, Said, counted, some
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.material import Cited, Material, RunMaterial

_LOG = r"/logs?/|\.log([.-]|$)"
_SET_ASIDE = re.compile(
    rf"/[^/]*(reject|quarantin|invalid|untrusted|partial|tmp|temp(?!l))[^/]*(/|$)|{_LOG}", re.IGNORECASE
)
"""In a path: what lies there is not yet, or no longer, in use; or a product wrote down what it was told."""
MANIFESTS = ("json", "xml", "text")
"""Made-up answers that say what is newest. Whoever notes some of that has not installed it."""
_NO_USE = (StepKind.INSTALL, StepKind.UPDATE, StepKind.STOP, StepKind.UNINSTALL)
"""Steps in which a file is opened to be replaced or removed."""
OK, NOT_MODIFIED = 200, 304
"""HTTP statuses (RFC 9110, 15.3.1 and 15.4.5)."""
_WRITTEN = (Changed.ADDED, Changed.MODIFIED)


@dataclass(frozen=True)
class Offer:
    """One forged answer that the product was given in an update."""

    flow: Cited[Flow]
    request: Request
    offered: Offered
    step: StepRun


class Looked(NamedTuple):
    """How files that forged updates left were opened or executed."""

    traced: list[Cited[FileAccess]]
    """Traces that only an execution leaves."""
    again: list[Cited[FileAccess]]
    """What was kept, in steps after that in which it was written."""


@dataclass(frozen=True)
class Attempt:
    """All forged answers of one run, and what came of them."""

    run: RunMaterial
    declared: Declared
    offers: tuple[Offer, ...]

    @cached_property
    def _marks(self) -> frozenset[str]:
        return frozenset(one.offered.mark for one in self.offers if one.offered.mark)

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(digest for one in self.offers for digest in one.offered.digests)

    @cached_property
    def _first(self) -> int:
        return min((one.step.number for one in self.offers), default=0)

    def _is_forged(self, change: Change) -> bool:
        return change.mark in self._marks or (bool(change.sha256) and change.sha256 in self._digests)

    @cached_property
    def kept(self) -> dict[str, Cited[Change]]:
        """Files that hold something of it at the end of a step: where it was written first."""
        found: dict[str, Cited[Change]] = {}
        for change in self.run.changes:
            if change.value.step < self._first:
                continue
            if self._is_forged(change.value):
                found.setdefault(change.value.path, change)
        return found

    @cached_property
    def _looked(self) -> Looked:
        traces = {trace_of(mark) for mark in self._marks}
        traced, again = [], []
        for access in self.run.accesses():
            value = access.value
            if value.access is Access.LIST:
                continue
            if value.path.rpartition("/")[2] in traces:
                traced.append(access)
            elif (change := self.kept.get(value.path)) and value.step > change.value.step:
                again.append(access)
        return Looked(traced, again)

    def executed(self) -> Iterator[Fact]:
        """That some of it was executed."""
        traces = {trace_of(mark) for mark in self._marks}
        left = [
            one for one in self.run.changes if _trace(one.value) in traces and one.value.changed in _WRITTEN
        ]
        for one in left or self._looked.traced:
            yield Fact(
                f"executed: it made the file {one.value.path}, as only its execution does", (one.reference,)
            )
        for process in self.run.processes.values():
            if process.value.sha256 and process.value.sha256 in self._digests:
                yield Fact(
                    f"executed: {self.run.program(process.value.number)} is what the lab made",
                    (process.reference,),
                )

    def used(self) -> Iterator[Fact]:
        """That some of it was kept where the product keeps what it uses, and opened again in a later step."""
        for access in self._looked.again:
            change = self.kept[access.value.path]
            kind = self.run.kind_of(access.value.step)
            if kind not in _NO_USE and self._is_in_use(change.value):
                by, path = self.run.program(access.value.process), change.value.path
                text = f"in use: {path} holds what the lab made, and {by} opened it again while: "
                yield Fact(text + kind, (change.reference, access.reference))

    @cached_property
    def _noted(self) -> frozenset[str]:
        """Marks that a product may take from a manifest into its notes."""
        manifests = (one.offered for one in self.offers if one.offered.kind in MANIFESTS)
        return frozenset(one.mark for one in manifests if not one.varies)

    def _is_in_use(self, change: Change) -> bool:
        """Whether it lies where the product keeps what it uses."""
        if _SET_ASIDE.search(change.path):
            return False
        if change.mark in self._noted and change.sha256 not in self._digests:
            return False
        declared = self.declared.writes(self.run.kind_of(change.step), change.path)
        return declared or change.changed is Changed.MODIFIED or self.declared.owns(change.path)

    @property
    def put_aside(self) -> bool:
        """Whether all that was kept lies where nothing is in use, and, but for logs, was not opened there when the
        product worked: a folder's name is its maker's choice."""
        opened = any(
            self.run.kind_of(one.value.step) not in _NO_USE
            and not re.search(_LOG, one.value.path, re.IGNORECASE)
            for one in self._looked.again
        )
        return not opened and all(_SET_ASIDE.search(path) for path in self.kept)

    def stored(self) -> Iterator[Fact]:
        """Where it was kept."""
        for path, change in sorted(self.kept.items()):
            yield Fact(f"kept: {path} holds what the lab made", (change.reference,))

    @cached_property
    def _truly_answered(self) -> list[tuple[StepRun, Cited[Flow], Request]]:
        """Updates as the profile has them, that ended as expected, and the requests for which they had true answers."""
        return [
            (step, flow, request)
            for step, flow, request in _answers(self.run)
            if not step.repeated and step.expected and request.offered is None
        ]

    def _written(self, step: StepRun) -> frozenset[str]:
        return frozenset(
            one.value.path
            for one in self.run.changes
            if one.value.step == step.number
            and one.value.kind == "file"
            and one.value.changed in _WRITTEN
            and not ordinary.bookkeeping(one.value.path)
        )

    def refused(self) -> tuple[Fact, ...]:
        """That it took true answers, and none of the forged ones that followed in their place; nothing, where that was
        not so with each."""
        facts = [self._refusal(one) for one in self.offers if one.offered.varies]
        return tuple(fact for fact in facts if fact) if all(facts) else ()

    def _refusal(self, offer: Offer) -> Fact | None:
        """By what the same update did when it was given the true answer."""
        asked = [one for one in self._truly_answered if one[2].target == offer.request.target]
        took = [one for one in asked if one[2].status == OK and self._written(one[0])]
        same = [one for one in asked if one[0].command == offer.step.command]
        if not took or not same or not (how := self._differently(same[-1][0], offer.step)):
            return None
        taken, flow, _ = took[0]
        text = f"{offer.request.target}: given the true answer, step {taken.number} changed "
        text += f"{counted(len(self._written(taken)), 'file')}; given a forged one ({offer.offered.kind}), the same "
        text += f"command as in step {same[-1][0].number} {how}"
        return Fact(text, (flow.reference, same[-1][1].reference, offer.flow.reference))

    def _differently(self, true: StepRun, forged: StepRun) -> str:
        """How the update ended with forged answers, if that was not as with true ones."""
        if forged.exit_status != true.exit_status:
            how = "was ended" if forged.exit_status is None else f"ended with status {forged.exit_status}"
            return f"{how}, not {true.exit_status}"
        written = self._written(true)
        return "changed none of the same files" if written and not self._written(forged) & written else ""


def update_integrity(material: Material, declared: Declared) -> Said:
    """Did it install an update that anybody could have made?"""
    if not any(step.kind is StepKind.UPDATE for run in material.runs for step in run.run.steps):
        return Said(Verdict.UNSEEN, None, "No run had an update.")
    if not any(run.observed("changes") for run in material.runs):
        return Said(Verdict.UNSEEN, None, "Changes were not observed.")
    attempts = [Attempt(run, declared, tuple(_offers(run))) for run in material.runs]
    offers = [(one.run, offer) for one in attempts for offer in one.offers]
    if not offers:
        return Said(Verdict.UNSEEN, None, f"No forged update was offered to it: {_why_none(material)}.")
    told = tuple(_offer_facts(offers))
    kinds = some(dict.fromkeys(offer.offered.kind for _, offer in offers))
    offered = f"{counted(len(offers), 'forged answer')} ({kinds})"
    if taken := _all(one.executed() for one in attempts) + _all(one.used() for one in attempts):
        how = "executed" if taken[0].text.startswith("executed") else "installed and used"
        text = f"It {how} what the lab had made up in its maker's place: whoever answers there can change this product."
        return Said(Verdict.YES, False, text, (*taken, *told))
    kept, refused = _all(one.stored() for one in attempts), _all(one.refused() for one in attempts)
    if refused and all(one.put_aside for one in attempts):
        aside = " It put a copy aside." if kept else ""
        text = f"It took the true update, was then offered {offered} in its place, and took none.{aside}"
        return Said(Verdict.NO, True, text, (*refused, *kept, *told))
    if kept:
        text = (
            f"It was offered {offered}, and kept a copy of what the lab made; that it used it was not seen."
        )
        return Said(Verdict.PARTLY, None, text, (*kept, *told))
    text = f"It was offered {offered}, and nothing of that was found executed or kept; but {_why_not_refused(offers)}."
    return Said(Verdict.UNSEEN, None, text, told)


def _why_not_refused(offers: Iterable[tuple[RunMaterial, Offer]]) -> str:
    if any(offer.offered.varies for _, offer in offers):
        return (
            "either the true update was not taken before, or what followed both was the same, so that this does not "
            "show that it refused"
        )
    return (
        "no true update was there for it to take (there is one in replay mode, recorded), so that it may not have "
        "understood what it got"
    )


def _why_none(material: Material) -> str:
    if not any(run.run.mode in (Mode.SINK, Mode.REPLAY) for run in material.runs):
        return "in these runs, the lab did not answer it"
    return "when its updates were repeated with forged answers, it asked for nothing that could be one"


def _offers(run: RunMaterial) -> Iterator[Offer]:
    for step, flow, request in _answers(run):
        if request.offered is not None:
            yield Offer(flow, request, request.offered, step)


def _answers(run: RunMaterial) -> Iterator[tuple[StepRun, Cited[Flow], Request]]:
    """What was delivered whole in updates, now or before."""
    for flow in run.flows.values():
        for request in flow.value.requests:
            step = run.step_at(request.at_s) or run.step(flow.value.step)
            delivered = (
                request.status in (OK, NOT_MODIFIED) and request.method != "HEAD" and "://" in request.target
            )
            if delivered and step is not None and step.kind is StepKind.UPDATE:
                yield step, flow, request


def _offer_facts(offers: Iterable[tuple[RunMaterial, Offer]]) -> Iterator[Fact]:
    grouped: dict[tuple[str, str, bool], list[tuple[RunMaterial, Offer]]] = {}
    for run, offer in offers:
        key = offer.flow.value.destination, offer.offered.kind, offer.offered.varies
        grouped.setdefault(key, []).append((run, offer))
    for (place, kind, varies), many in sorted(grouped.items()):
        how = "in place of a recorded answer" if varies else "made up"
        asked = some(dict.fromkeys(f"{one.request.method} {one.request.target}" for _, one in many), 2)
        text = f"offered by {place}: {kind}, {how}, {counted(len(many), 'time')}: {asked}"
        yield Fact(text, tuple(dict.fromkeys(one.flow.reference for _, one in many)))


def _all(many: Iterable[Iterable[Fact]]) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(fact for facts in many for fact in facts))


def _trace(change: Change) -> str:
    found = TRACE.search(change.path)
    return found[0][1:] if found else ""
