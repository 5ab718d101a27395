"""The append-only record of what this machine fetched, sent, installed and decided."""

from overt.ledger.check import Report
from overt.ledger.entry import Entry
from overt.ledger.head import Head, anchor
from overt.ledger.kinds import Facts, Kind
from overt.ledger.ledger import Ledger
from overt.ledger.verify import verify

__all__ = ["Entry", "Facts", "Head", "Kind", "Ledger", "Report", "anchor", "verify"]
