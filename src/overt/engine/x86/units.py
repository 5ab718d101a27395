"""Shifts, multiplication and division as instructions."""

from __future__ import annotations

from overt.engine.x86.arithmetic import shift, signed
from overt.engine.x86.machine import DIVIDE_BY_ZERO, EAX, EDX, Fault, Machine, Step
from overt.engine.x86.operands import MASKS, Get, Operand, register


def shifted(machine: Machine, kind: int, target: Operand, count: Get, size: int, after: int) -> Step:
    """A shift or rotation by `count` modulo 32; by 0 it changes nothing, flags included."""

    def step() -> int:
        by = count() & 31
        if by:
            result, machine.flags = shift(kind, target.get(), by, 8 * size, machine.flags)
            target.put(result)
        return after

    return step


def multiply(machine: Machine, target: Operand, one: Get, other: Get, size: int, after: int) -> Step:
    """Signed multiplication into one register."""
    mask, bits = MASKS[size], 8 * size

    def step() -> int:
        product = signed(one(), bits) * signed(other() & mask, bits)
        result = product & mask
        lost = signed(result, bits) != product
        machine.flags = (lost, result, mask if lost else 0, mask ^ mask >> 1)
        target.put(result)
        return after

    return step


def divide(machine: Machine, field: int, source: Get, size: int, after: int) -> Step:
    """MUL, IMUL, DIV and IDIV (`field` 4 to 7) of the accumulator pair."""
    low = register(machine, EAX, size)
    high = register(machine, EDX if size > 1 else 4, size)
    bits, mask = 8 * size, MASKS[size]

    def product() -> int:
        if field == 5:
            value = signed(low.get(), bits) * signed(source(), bits)
            lost = signed(value & mask, bits) != value
        else:
            value = low.get() * source()
            lost = value > mask
        machine.flags = (lost, value & mask, mask if lost else 0, mask ^ mask >> 1)
        low.put(value & mask)
        high.put(value >> bits & mask)
        return after

    def quotient() -> int:
        value, divisor = high.get() << bits | low.get(), source()
        if field == 7:
            value, divisor = signed(value, 2 * bits), signed(divisor, bits)
        if not divisor:
            raise Fault(DIVIDE_BY_ZERO, "divides by zero")
        result = abs(value) // abs(divisor)
        if (value < 0) != (divisor < 0):
            result = -result
        if not (-(mask >> 1) - 1 <= result <= mask >> 1 if field == 7 else result <= mask):
            raise Fault(DIVIDE_BY_ZERO, "divides past the register")
        low.put(result & mask)
        high.put((value - result * divisor) & mask)
        return after

    return product if field < 6 else quotient
