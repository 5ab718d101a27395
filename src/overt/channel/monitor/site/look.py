"""What the pages show of a state: values for the templates, without markup."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import Root

from overt.channel.charter import Charter
from overt.channel.monitor import answer
from overt.channel.monitor.alarm import MEANING, Kind
from overt.channel.monitor.answer import History, Item, Signed, Step
from overt.channel.monitor.moment import moment
from overt.channel.monitor.record import AlarmRow, Event, ItemRow, ReleaseRow, Signer
from overt.channel.monitor.state import State
from overt.channel.publisher.keys import holder_of
from overt.channel.publisher.roles import parse, roles_of, root_charter
from overt.channel.publisher.state import policy_of

STATUS_SCHEMA = "overt-monitor/1"
GRAVE = frozenset(
    {
        Kind.SPLIT_VIEW,
        Kind.GAP,
        Kind.FALSE_RELEASE,
        Kind.UNREADABLE,
        Kind.NO_REASON,
        Kind.REVIEW_MISMATCH,
        Kind.UNREPRODUCIBLE,
    }
)
"""Kinds that say that something is wrong with what was published, not only with reaching it."""


@dataclass(frozen=True, slots=True)
class RoleLine:
    """Who may sign in one role."""

    name: str
    threshold: int
    keys: tuple[tuple[str, str], ...]
    """Holder and key ID."""


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """A witness of the policy, and when it last cosigned what clients get (empty: it did not)."""

    name: str
    key: str
    cosigned: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What the root in force lays down."""

    version: int
    expires: str
    charter: Charter
    roles: tuple[RoleLine, ...]
    witnesses: tuple[WitnessLine, ...]
    log_keys: tuple[str, ...]
    quorum: str
    tolerated: int | None


def keys_of(state: State) -> Keys | None:
    """The root in force; None before the first release."""
    roots = state.roots()
    if not roots:
        return None
    root = parse(roots[-1].data, Root, "root").signed
    charter = root_charter(root)
    policy = policy_of(charter)
    times: dict[str, int] = json.loads(state.fact("cosigned") or "{}")
    return Keys(
        version=root.version,
        expires=f"{root.expires:%Y-%m-%d}",
        charter=charter,
        roles=tuple(
            RoleLine(name, quorum.threshold, tuple((holder_of(key), key.keyid) for key in quorum.keys))
            for name, quorum in roles_of(root).items()
        ),
        witnesses=tuple(
            WitnessLine(one.name, one.key.encode(), moment(times[one.name]) if one.name in times else "")
            for one in policy.witnesses
        ),
        log_keys=tuple(log.key.encode() for log in policy.logs),
        quorum=_quorum(charter.policy),
        tolerated=policy.faults_tolerated,
    )


def _quorum(policy: str) -> str:
    """The policy's own words for how many are needed."""
    words = [line.split() for line in policy.splitlines()]
    named = next((line[1] for line in words if line[:1] == ["quorum"]), "none")
    group = next((line for line in words if line[:2] == ["group", named]), None)
    return f"{group[2]} of {len(group) - 3}" if group else named


def tone(state: State) -> str:
    """How the site is coloured: `infected` for something false, `incomplete` for something amiss, else `clean`."""
    if any(one.kind in GRAVE and one.ended_s is None for one in state.alarms()):
        return "infected"
    if any(one.alarmed for one in state.conditions()) or not state.head.size:
        return "incomplete"
    return "clean"


TITLES = {
    "clean": "One history, and every release was checked",
    "incomplete": "Not everything could be checked",
    "infected": "Something is wrong with this channel",
}


def when(row: ReleaseRow) -> str:
    """When a release was known to the public at the latest: its first witness, else when this monitor saw it."""
    times = [one.time_s for one in row.signers if one.role == "witness" and one.time_s]
    return moment(min([*times, row.seen_s]))


def history(state: State, name: str, rows: dict[int, ReleaseRow]) -> History:
    """What became of all items of a name."""
    items = tuple(_item(state, item, rows) for item in state.items(name))
    return History(answer.SCHEMA, state.fact("channel"), state.fact("origin"), name, items)


def _item(state: State, item: ItemRow, rows: dict[int, ReleaseRow]) -> Item:
    events = (one for one in state.events(item=item.id) if one.serial in rows)
    return Item(
        kind="rule" if item.is_rule else "hashes",
        part=item.part,
        present=item.present,
        events=tuple(step(one, rows[one.serial].signers, when(rows[one.serial])) for one in events),
        page=f"rules/{item.id}.html",
    )


def step(event: Event, signers: Iterable[Signer], witnessed: str) -> Step:
    """An event as it is told."""
    side = event.after or event.before
    return Step(
        serial=event.serial,
        what=event.what,
        witnessed=witnessed,
        fields=event.fields,
        author=side.author if side else "",
        review=side.review if side else "",
        override=side.override if side else "",
        reason=event.reason,
        sha256=side.sha256 if side else "",
        signers=tuple(Signed(one.role, one.name, one.key) for one in signers),
    )


def status(state: State) -> dict[str, Any]:
    """The channel's health: schema `overt-monitor/1`."""
    newest = state.releases(1)
    return {
        "schema": STATUS_SCHEMA,
        "channel": state.fact("channel"),
        "origin": state.fact("origin"),
        "health": {"clean": "good", "incomplete": "unsure", "infected": "bad"}[tone(state)],
        "looked": moment(int(state.fact("looked_s") or 0)),
        "releases": state.head.size,
        "root_hash": state.head.root.hex(),
        "newest": when(newest[0]) if newest else None,
        "conditions": [
            {"kind": one.kind.value, "text": one.text, "since": moment(one.since_s)}
            for one in state.conditions()
        ],
        "alarms": [alarm(one) for one in state.alarms(100)],
    }


def alarm(row: AlarmRow) -> dict[str, Any]:
    """An alarm as the site tells it."""
    return {
        "id": row.id,
        "kind": row.kind.value,
        "text": row.text,
        "advice": MEANING[row.kind],
        "serial": row.serial,
        "time": moment(row.time_s),
        "ended": moment(row.ended_s) if row.ended_s else None,
        "answer": row.answer,
        "evidence": [f"evidence/{row.id}/{name}" for name in row.evidence],
    }
