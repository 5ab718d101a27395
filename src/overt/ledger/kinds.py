"""What can be recorded: a closed list of kinds, each with the facts it takes.

`Ledger.append` accepts exactly these. A reader meets kinds and facts of later versions too: it keeps, shows and
verifies them like any other, because the chain and the signatures need no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from overt.core.errors import LedgerError

Scalar = str | int | bool | None
Facts = Mapping[str, Scalar | Sequence[Scalar]]
"""Names to JSON scalars (integers, no fractions) or flat lists of them."""


class Kind(StrEnum):
    """What an entry is about. Those of `OWN` are written by the ledger itself."""

    COURIER_STARTED = "courier-started"
    """Before the process with the network starts (name look-ups are bytes out too)."""
    FETCH_REQUEST = "fetch-request"
    """Before the first byte of a request is sent."""
    FETCH_RESULT = "fetch-result"
    SEND_REQUEST = "send-request"
    """Before the first byte of a submission is sent: exactly which bytes, and who consented."""
    SENT = "sent"
    """What became of a submission."""
    INSTALLED = "installed"
    ROLLED_BACK = "rolled-back"
    DECIDED = "decided"
    """A choice of a person or a policy: consent, refusal, another channel, an override."""
    LEDGER_OPENED = "ledger-opened"
    """The first entry; it names the key."""
    LEDGER_RECOVERED = "ledger-recovered"
    """Something was wrong with the end of the ledger when it was to be continued."""
    KEY_ROTATED = "key-rotated"
    """Signed with the old key; every later entry is signed with the new one."""


OWN = frozenset({Kind.LEDGER_OPENED, Kind.LEDGER_RECOVERED, Kind.KEY_ROTATED})


class Reason(StrEnum):
    """Why a ledger had to be recovered. All but `TORN` mean that something which was recorded may be gone."""

    TORN = "torn"
    """A last line without its end, as a power cut or `kill -9` leaves it: no entry that was promised is lost."""
    DAMAGED = "damaged"
    """The last lines were unreadable, and were put aside."""
    SIGNATURE = "signature"
    """The last entry was not signed with the ledger's key."""
    LOST = "lost"
    """The entries end before, or otherwise than, the head beside them says."""
    HEAD = "head"
    """The head beside the entries was missing, unreadable or not signed with the ledger's key."""
    KEY = "key"
    """The key was gone: a new one was made."""


class Type(Enum):
    """Types of facts."""

    TEXT = "text of at most 8,192 characters"
    COUNT = "an integer of at least 0"
    FLAG = "true or false"
    SHA256 = "64 lower-case hexadecimal digits"
    TEXTS = "a list of at most 500 texts"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a kind: its type, whether it must be there, and the values it may have (empty: any)."""

    type: Type
    required: bool = False
    choices: tuple[str, ...] = ()


_TEXT, _COUNT, _FLAG, _SHA256 = Fact(Type.TEXT), Fact(Type.COUNT), Fact(Type.FLAG), Fact(Type.SHA256)
_TEXTS = Fact(Type.TEXTS)
_NEEDED = Fact(Type.TEXT, required=True)
_OUTCOME = Fact(Type.TEXT, required=True, choices=("ok", "not-modified", "absent", "refused", "failed"))
_REQUEST = Fact(Type.COUNT, required=True)

SCHEMAS: Mapping[Kind, Mapping[str, Fact]] = {
    Kind.COURIER_STARTED: {
        "origin": _NEEDED,
        "purpose": _NEEDED,
        "channel": _TEXT,
        "proxy": _TEXT,
        "unconfined": _FLAG,
    },
    Kind.FETCH_REQUEST: {
        "url": _NEEDED,
        "method": _TEXT,
        "purpose": _TEXT,
        "channel": _TEXT,
        "etag": _TEXT,
        "max_bytes": _COUNT,
    },
    Kind.FETCH_RESULT: {
        "request": _REQUEST,
        "outcome": _OUTCOME,
        "status": _COUNT,
        "bytes": _COUNT,
        "sha256": _SHA256,
        "error": _TEXT,
    },
    Kind.SEND_REQUEST: {
        "url": _NEEDED,
        "method": _TEXT,
        "purpose": _NEEDED,
        "recipient": _TEXT,
        "consent": _TEXT,
        "bytes": Fact(Type.COUNT, required=True),
        "sha256": Fact(Type.SHA256, required=True),
        "items": _TEXTS,
    },
    Kind.SENT: {
        "request": _REQUEST,
        "outcome": _OUTCOME,
        "status": _COUNT,
        "receipt": _TEXT,
        "error": _TEXT,
    },
    Kind.INSTALLED: {
        "what": Fact(Type.TEXT, required=True, choices=("rules", "policy", "program")),
        "channel": _TEXT,
        "serial": _COUNT,
        "previous": _COUNT,
        "release_sha256": _SHA256,
        "checkpoint": _TEXT,
        "bundles": _TEXTS,
    },
    Kind.ROLLED_BACK: {
        "what": Fact(Type.TEXT, required=True, choices=("rules", "policy", "program")),
        "channel": _TEXT,
        "from_serial": _COUNT,
        "to_serial": _COUNT,
        "reason": _TEXT,
    },
    Kind.DECIDED: {
        "subject": _NEEDED,
        "decision": _NEEDED,
        "by": Fact(Type.TEXT, required=True, choices=("user", "policy", "configuration", "overt")),
        "channel": _TEXT,
        "sha256": _SHA256,
        "reason": _TEXT,
        "detail": _TEXTS,
    },
    Kind.LEDGER_OPENED: {"format": _NEEDED, "key": _NEEDED},
    Kind.LEDGER_RECOVERED: {
        "reason": Fact(Type.TEXT, required=True, choices=tuple(Reason)),
        "key": _NEEDED,
        "bytes": _COUNT,
        "sha256": _SHA256,
        "kept": _TEXT,
        "expected_size": _COUNT,
        "expected_digest": _SHA256,
        "error": _TEXT,
    },
    Kind.KEY_ROTATED: {"key": _NEEDED, "old_key": _NEEDED, "reason": _TEXT},
}
"""Kind → its facts. A fact that is not known is left out."""

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


def checked(kind: str, facts: Facts) -> Kind:
    """The kind, when `facts` are as its schema says. Raises `LedgerError` naming kind and fact."""
    try:
        known = Kind(kind)
    except ValueError:
        raise LedgerError(f"the ledger has no kind {kind!r}: it is one of {', '.join(Kind)}") from None
    schema = SCHEMAS[known]
    for name, fact in schema.items():
        if fact.required and name not in facts:
            raise LedgerError(f"an entry {kind} needs the fact {name!r}")
    for name, value in facts.items():
        if name not in schema:
            raise LedgerError(f"an entry {kind} takes no fact {name!r}: {', '.join(schema)}")
        problem = _problem(schema[name], value)
        if problem:
            raise LedgerError(f"the fact {name!r} of an entry {kind} must be {problem}, not {value!r:.80}")
    return known


def _problem(fact: Fact, value: Scalar | Sequence[Scalar]) -> str:
    """What the value would have to be; empty when it is."""
    if not _fits(fact.type, value):
        return fact.type.value
    if fact.choices and value not in fact.choices:
        return f"one of {', '.join(fact.choices)}"
    return ""


def _fits(type: Type, value: Scalar | Sequence[Scalar]) -> bool:
    match type:
        case Type.TEXT:
            return isinstance(value, str) and len(value) <= 8192
        case Type.COUNT:
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case Type.FLAG:
            return isinstance(value, bool)
        case Type.SHA256:
            return isinstance(value, str) and _HEX.fullmatch(value) is not None
        case Type.TEXTS:
            return (
                isinstance(value, list | tuple)
                and len(value) <= 500
                and all(isinstance(x, str) for x in value)
            )
