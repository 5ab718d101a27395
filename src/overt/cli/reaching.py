"""The way from a command to the witnesses of a log: couriers, each request in the ledger."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from overt.channel.publisher import posting
from overt.channel.publisher.desk import Post
from overt.ledger import Ledger
from overt.store.paths import paths


@contextmanager
def witnesses(args: argparse.Namespace, urls: Collection[str], folder: Path) -> Iterator[Post | None]:
    """A `Post` to these addresses, as `options.add_way_to_witnesses` has it; None with --by-hand, or where there is
    nobody to ask. `folder` is of who keeps the log. Raises what `posting.posting` raises."""
    if args.by_hand or not urls:
        yield None
        return
    record = Ledger.open(paths().ledger).append
    with posting.posting(urls, folder / "couriers", record, args.ca_file, args.unconfined) as post:
        yield post
