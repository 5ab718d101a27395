"""Nothing is sent that is not in the ledger: what sends takes only values of these types, and making one records it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import final

from overt.egress.job import Plan
from overt.egress.wire import Ask, encode

Fact = str | int | bool
Record = Callable[[str, Mapping[str, Fact]], object]
"""Makes one entry durable before it returns, or raises: `Ledger.append`, whose kinds and facts these are."""

STARTED, FETCH, SEND = "courier-started", "fetch-request", "send-request"


@final
class RecordedStart:
    """A courier that may be started: the entry is durable."""

    __slots__ = ("plan",)

    def __init__(self, record: Record, plan: Plan, confined: bool) -> None:
        """Record the start. Whatever `record` raises goes through, and nothing is started."""
        record(STARTED, {**plan.facts, "unconfined": not confined})
        self.plan = plan


@final
class RecordedAsk:
    """A request that may be passed on, once: the entry is durable."""

    __slots__ = ("_packet",)

    def __init__(self, record: Record, plan: Plan, ask: Ask) -> None:
        """Record the request. Whatever `record` raises goes through, and nothing is sent."""
        facts: dict[str, Fact] = {"url": f"{plan.base}{ask.path}", "method": ask.method}
        if ask.method == "POST":
            sent: dict[str, Fact] = {"bytes": len(ask.body), "sha256": hashlib.sha256(ask.body).hexdigest()}
            record(SEND, {**facts, "purpose": plan.purpose, **sent})
        else:
            if ask.etag:
                facts["etag"] = ask.etag
            record(FETCH, {**facts, **plan.occasion, "max_bytes": ask.max_bytes})
        self._packet: bytes | None = encode(ask)

    def spend(self) -> bytes:
        """The packet to send. Raises `RuntimeError` the second time: sending again needs another entry."""
        packet, self._packet = self._packet, None
        if packet is None:
            raise RuntimeError("a recorded request is sent once")
        return packet
