"""Actions of `overt conduct`, whose modules need packages that the core does without: loaded only for them."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from overt.core.errors import UsageError


def loaded(act: str) -> Callable[[argparse.Namespace], int]:
    """The action `MODULE:FUNCTION`, of `overt.cli.conduct_MODULE`. It raises `UsageError` where the lab's packages are
    not."""
    module, _, function = act.partition(":")

    def acting(args: argparse.Namespace) -> int:
        try:
            found = importlib.import_module(f"overt.cli.conduct_{module}")
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("overt"):
                raise
            raise UsageError(f"the lab needs other packages ({error.name}): install overt[conduct]") from None
        return int(getattr(found, function)(args))

    return acting
