"""Back to the release before: what a user does when a new one breaks something."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from overt.channel.client.place import Place
from overt.channel.client.update import Client
from overt.core.errors import ChannelError
from overt.ledger import Kind
from overt.rules import active, subscribed
from overt.rules.subscribed import Subscription


def roll_back(client: Client, name: str, reason: str = "") -> Subscription:
    """Return to the release before, and record it. Raises `ChannelError` when there is none, and `OvertError`."""
    place_ = Place(client.data, name)
    one = client.subscription(name)
    if one.current is None or one.previous is None:
        raise ChannelError(f"the channel {name!r} has no release before the one in use: nothing was changed")
    changed = msgspec.structs.replace(one, current=one.previous, previous=None)
    index = subscribed.read_index(client.data).with_one(changed)
    planned = active.recipe(client.data, index)
    pack = active.finished(planned, client.workers.build(planned.texts(), planned.names, client.tell).pack)
    client.append(
        Kind.ROLLED_BACK,
        {
            "what": "rules",
            "channel": name,
            "from_serial": one.current.serial,
            "to_serial": one.previous.serial,
            "reason": reason or "the user asked for it",
        },
    )
    subscribed.write_index(client.data, index)
    with suppress(OSError):
        active.keep(planned, pack)
    place_.sweep(index)
    return changed
