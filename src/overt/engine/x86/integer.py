"""Integer arithmetic and logic, and what reads or sets the flags."""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.x86.arithmetic import Binary, and_, sub
from overt.engine.x86.machine import EAX, ECX, Machine, Step
from overt.engine.x86.operands import MASKS, Fetch, constant, register
from overt.engine.x86.steps import binary, move
from overt.engine.x86.units import divide, multiply, shifted


def alu(machine: Machine, fetch: Fetch, op: Binary, form: int, size: int, keep: bool) -> Step:
    """ADD, OR, ADC, SBB, AND, SUB, XOR and CMP in their six forms."""
    if form >= 4:
        accumulator = register(machine, EAX, size)
        return binary(machine, op, accumulator, constant(fetch.unsigned(size)), size, fetch.next, keep)
    field, other = fetch.modrm(size)
    mine = register(machine, field, size)
    target, source = (mine, other) if form >= 2 else (other, mine)
    return binary(machine, op, target, source.get, size, fetch.next, keep)


def multiply_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """IMUL by a constant."""
    field, source = fetch.modrm(size)
    value = fetch.signed(1 if opcode == 0x6B else size)
    return multiply(machine, register(machine, field, size), source.get, constant(value), size, fetch.next)


def test(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """TEST."""
    if opcode >= 0xA8:
        accumulator = register(machine, EAX, size)
        return binary(
            machine, and_, accumulator, constant(fetch.unsigned(size)), size, fetch.next, keep=False
        )
    field, other = fetch.modrm(size)
    return binary(machine, and_, other, register(machine, field, size).get, size, fetch.next, keep=False)


def shift_operand(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """Shifts and rotations."""
    field, target = fetch.modrm(size)
    if opcode < 0xD0:
        count = constant(fetch.unsigned(1))
    else:
        count = register(machine, ECX, 1).get if opcode & 2 else constant(1)
    return shifted(machine, field, target, count, size, fetch.next)


def unary(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """TEST, NOT, NEG, MUL, IMUL, DIV and IDIV of one operand."""
    field, target = fetch.modrm(size)
    mask = MASKS[size]
    if field < 2:
        return binary(machine, and_, target, constant(fetch.unsigned(size)), size, fetch.next, keep=False)
    after = fetch.next
    if field == 2:
        return move(target, lambda: target.get() ^ mask, fetch)
    if field > 3:
        return divide(machine, field, target.get, size, after)

    def negate() -> int:
        result, machine.flags = sub(0, target.get(), mask, 0)
        target.put(result)
        return after

    return negate


def on_flags(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """What reads, sets or stores the flags."""
    actions: dict[int, Callable[[], None]] = {
        0x9C: lambda: machine.push(machine.packed_flags(), size),
        0x9D: lambda: machine.set_packed_flags(machine.pop(size)),
        0x9E: lambda: machine.set_packed_flags(
            machine.packed_flags() & ~0xFF | register(machine, 4, 1).get() & 0xD7
        ),
        0x9F: lambda: register(machine, 4, 1).put(machine.packed_flags() & 0xFF),
        0xF5: lambda: setattr(machine, "flags", (machine.flags[0] ^ 1, *machine.flags[1:])),
        0xF8: lambda: setattr(machine, "flags", (0, *machine.flags[1:])),
        0xF9: lambda: setattr(machine, "flags", (1, *machine.flags[1:])),
        0xFC: lambda: setattr(machine, "direction", 1),
        0xFD: lambda: setattr(machine, "direction", -1),
        0xD6: lambda: register(machine, EAX, 1).put(0xFF if machine.flags[0] else 0),
    }
    action, after = actions[opcode], fetch.next

    def step() -> int:
        action()
        return after

    return step
