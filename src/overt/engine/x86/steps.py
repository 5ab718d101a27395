"""What many instructions come down to: change an operand, move a value, do nothing."""

from __future__ import annotations

from overt.engine.x86.arithmetic import Binary, add, sub
from overt.engine.x86.machine import Machine, Step
from overt.engine.x86.operands import MASKS, Fetch, Get, Operand


def binary(
    machine: Machine, op: Binary, target: Operand, source: Get, size: int, after: int, keep: bool = True
) -> Step:
    """`target = op(target, source)` with flags; without `keep` only the flags (CMP, TEST)."""
    get, put, mask = target.get, target.put, MASKS[size]

    def step() -> int:
        result, machine.flags = op(get(), source(), mask, machine.flags[0])
        put(result)
        return after

    def compare() -> int:
        _, machine.flags = op(get(), source(), mask, 0)
        return after

    return step if keep else compare


def move(target: Operand, source: Get, fetch: Fetch) -> Step:
    """Put what `source` gives into `target`."""
    put, after = target.put, fetch.next

    def step() -> int:
        put(source())
        return after

    return step


def nothing(fetch: Fetch) -> Step:
    """Go on to the next instruction."""
    after = fetch.next
    return lambda: after


def count(machine: Machine, operand: Operand, by: int, size: int, after: int) -> Step:
    """INC and DEC: they leave the carry alone."""
    op, mask = add if by > 0 else sub, MASKS[size]

    def step() -> int:
        result, flags = op(operand.get(), 1, mask, 0)
        machine.flags = (machine.flags[0], *flags[1:])
        operand.put(result)
        return after

    return step
