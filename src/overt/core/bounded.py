"""What all limits have in common: each field is a number with its unit in its name, and has bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from overt.core.errors import UsageError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Bounded:
    """Base of a set of limits. Raises `UsageError` when it is made with a value out of bounds."""

    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Lowest and highest accepted value per limit, in the limit's own unit."""

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = self.bounds[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise UsageError(f"{field.name} = {value} is out of bounds: use {low} to {high}")
