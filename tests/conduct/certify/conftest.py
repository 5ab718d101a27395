"""The reports that the tests of the report made."""

from tests.conduct.report.conftest import spying

__all__ = ["spying"]
