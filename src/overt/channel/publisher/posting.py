"""The way to the witnesses: one courier for each, the only processes with a network, and each request in the ledger.

Couriers are forked from this process. So they are started before any passphrase is asked for: no private key is in
their memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from overt.channel.publisher import propose, roles, state
from overt.channel.publisher.desk import Answer, Desk, Post, alone
from overt.core.errors import EgressError
from overt.egress.courier import Courier
from overt.egress.job import Job
from overt.egress.recorded import Record
from overt.store.folders import make_private
from overt.tlog.note import MAX_NOTE_BYTES

PURPOSE = "cosignatures"


def witness_urls(desk: Desk) -> tuple[str, ...]:
    """The addresses of the witnesses in force, of those proposed and of former ones; needs no secret. Raises
    `ChannelError`."""
    with desk.locked():
        present = state.read(desk)
        proposed = propose.read(desk, present)
        roots = [metadata.signed for metadata in (proposed.previous, proposed.root) if metadata]
        newest = max((root.version for root in roots), default=1)
        former = state.former_witnesses(desk, newest)
    policies = [state.policy_of(roles.root_charter(root)) for root in roots]
    named = [*(one for policy in policies for one in policy.witnesses), *former]
    return tuple(dict.fromkeys(one.url for one in named if one.url))


@contextmanager
def posting(
    urls: Iterable[str], spools: Path, record: Record, ca_file: Path | None = None, unconfined: bool = False
) -> Iterator[Post]:
    """A `Post` to the witnesses at these addresses; `spools` is a folder for the couriers' own, for one process at a
    time: of several that publish at once each has its turn.

    A witness that can't be reached raises `EgressError` when it is asked. Raises `ConfinementError` when couriers can't
    be confined, `ChannelError` when another process has them for a minute, and what `record` raises.
    """
    make_private(spools)
    with ExitStack() as stack:
        stack.enter_context(alone(spools / "lock", spools.parent))
        couriers: dict[str, Courier] = {}
        failed: dict[str, EgressError] = {}
        for number, url in enumerate(urls):
            base = url.rstrip("/")
            job = Job(f"{base}/", spools / str(number), ca_file, purpose=PURPOSE)
            try:
                couriers[base] = stack.enter_context(Courier.start(job, record, unconfined=unconfined))
            except EgressError as error:
                failed[base] = error

        def post(url: str, body: bytes) -> Answer:
            base, _, path = url.rpartition("/")
            if base in failed:
                raise failed[base]
            answer = couriers[base].post(path, body, max_bytes=MAX_NOTE_BYTES)
            return Answer(answer.status, answer.body)

        yield post
