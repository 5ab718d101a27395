"""What became of the traffic, as the sink says it when it ends, and as a report says it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from overt.conduct.evidence.records import Blind, Losses


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the traffic: `sink.json`."""

    zero_ns: int
    """When the run began: nanoseconds since 1970."""
    packets: int
    dropped_packets: int
    cut_packets: int
    upkeep_packets: int
    """Of the chamber's kernel: neighbour discovery and the like. No flow is made of them."""
    cut_bytes: int
    unread_bytes: int
    unrecorded_flows: int
    unnoted_requests: int
    closed_for_room: int
    undelivered_datagrams: int
    names_without_address: int
    failures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the sink knows that it did not keep."""

    losses: Losses
    blind: tuple[Blind, ...]


def outcome(kept: Kept) -> Outcome:
    """What was lost, as every observer says it, and in words."""
    losses = Losses(
        packets=kept.dropped_packets,
        stream_bytes=kept.cut_bytes + kept.unread_bytes,
        other=kept.unrecorded_flows + kept.unnoted_requests + sum(kept.failures.values()),
    )
    said = [
        (kept.cut_packets, "packets were kept only in part, since the capture had reached its limit"),
        (kept.unrecorded_flows, "conversations have no record of their own, since there were too many"),
        (
            kept.unnoted_requests,
            "requests were not noted one by one, since there were too many in one conversation",
        ),
        (kept.cut_bytes, "bytes of payload were past the limits on what is kept"),
        (kept.unread_bytes, "bytes came on connections that were closed already; the capture has them"),
        (kept.closed_for_room, "silent connections were closed, since too many were open"),
        (kept.undelivered_datagrams, "datagrams came too fast to be answered; they were recorded"),
        (kept.names_without_address, "names shared one address, since there were too many"),
    ]
    said += [(count, f"times the sink itself failed: {text}") for text, count in kept.failures.items()]
    blind = (
        Blind(at_s=None, what=f"{count:,} {what}.", by=None, attempt=False, defeated=False)
        for count, what in said
        if count
    )
    return Outcome(losses, tuple(blind))
