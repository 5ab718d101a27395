"""From bytes to closures: each instruction is decoded once into a function that runs it (Intel SDM, volume 2).

Integer instructions of 32-bit code, as compilers and packers write them. Floating-point instructions are read and
do nothing; what else is missing is a `Fault`, as on a processor that does not know it.
"""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.x86.arithmetic import ALU, Binary, add, and_, signed, sub
from overt.engine.x86.extended import extended
from overt.engine.x86.machine import (
    BREAKPOINT,
    EAX,
    EBP,
    ECX,
    EDX,
    ESP,
    ILLEGAL_INSTRUCTION,
    WORD,
    Fault,
    Machine,
    Step,
)
from overt.engine.x86.operands import MASKS, Fetch, Get, Operand, constant, memory, register
from overt.engine.x86.strings import string_step
from overt.engine.x86.units import divide, multiply, shifted

PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0xF0, 0xF2, 0xF3}


def decode(machine: Machine, address: int) -> Step:
    """The instruction at `address`, kept in the machine's cache. Raises `Fault`."""
    fetch = Fetch(machine, address)
    wide, repeat = 4, 0
    opcode = fetch.unsigned(1)
    while opcode in PREFIXES:
        if opcode == 0x66:
            wide = 2
        elif opcode == 0x64:
            fetch.segment = machine.segment
        elif opcode >= 0xF2:
            repeat = opcode
        opcode = fetch.unsigned(1)
    step = _one(machine, fetch, opcode, wide, repeat)
    at = address - machine.base
    machine.code[at : at + fetch.at] = b"\1" * fetch.at
    machine.cache[address] = step
    return step


def _one(machine: Machine, fetch: Fetch, opcode: int, wide: int, repeat: int) -> Step:
    size = wide if opcode & 1 else 1
    if opcode == 0x0F:
        return extended(machine, fetch, wide)
    if opcode < 0x40 and opcode & 7 < 6:
        return _alu(machine, fetch, ALU[opcode >> 3], opcode & 7, size, keep=opcode >> 3 != 7)
    if opcode < 0x40:
        return _segment_stack(machine, fetch, opcode)
    if opcode < 0x60:
        return _register(machine, fetch, opcode, wide)
    if 0x70 <= opcode < 0x80:
        return branch(machine, opcode & 15, fetch.signed(1), fetch)
    if 0x80 <= opcode < 0x84:
        field, target = fetch.modrm(size)
        value = fetch.signed(1 if opcode != 0x81 else size) & MASKS[size]
        return binary(machine, ALU[field], target, constant(value), size, fetch.next, keep=field != 7)
    if 0xA4 <= opcode < 0xA8 or 0xAA <= opcode < 0xB0:
        return string_step(machine, opcode, size, repeat, fetch.next)
    if 0xB0 <= opcode < 0xC0:
        size = wide if opcode >= 0xB8 else 1
        return move(register(machine, opcode & 7, size), constant(fetch.unsigned(size)), fetch)
    if 0xD8 <= opcode < 0xE0:
        fetch.modrm(4)
        return nothing(fetch)
    build = _OTHERS.get(opcode)
    if build is None:
        raise Fault(ILLEGAL_INSTRUCTION, f"opcode {opcode:02x} at {fetch.start:#x}")
    return build(machine, fetch, opcode, size if opcode not in _WIDE else wide)


def _alu(machine: Machine, fetch: Fetch, op: Binary, form: int, size: int, keep: bool) -> Step:
    if form >= 4:
        accumulator = register(machine, EAX, size)
        return binary(machine, op, accumulator, constant(fetch.unsigned(size)), size, fetch.next, keep)
    field, other = fetch.modrm(size)
    mine = register(machine, field, size)
    target, source = (mine, other) if form >= 2 else (other, mine)
    return binary(machine, op, target, source.get, size, fetch.next, keep)


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
    put, after = target.put, fetch.next

    def step() -> int:
        put(source())
        return after

    return step


def nothing(fetch: Fetch) -> Step:
    after = fetch.next
    return lambda: after


def branch(machine: Machine, code: int, offset: int, fetch: Fetch) -> Step:
    """A jump on condition `code`; the commonest ones without a call."""
    after, target = fetch.next, (fetch.next + offset) & WORD
    if code in (2, 3):
        taken, other = (target, after) if code == 2 else (after, target)
        return lambda: taken if machine.flags[0] else other
    if code in (4, 5):
        zero, not_zero = (target, after) if code == 4 else (after, target)
        return lambda: not_zero if machine.flags[1] else zero
    return lambda: target if machine.condition(code) else after


def _segment_stack(machine: Machine, fetch: Fetch, opcode: int) -> Step:
    if opcode not in (0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F):
        raise Fault(ILLEGAL_INSTRUCTION, f"opcode {opcode:02x} at {fetch.start:#x}")
    after = fetch.next

    def step() -> int:
        if opcode & 1:
            machine.pop()
        else:
            machine.push(0x2B)
        return after

    return step


def _register(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """INC, DEC, PUSH and POP of a register."""
    number, after = opcode & 7, fetch.next
    operand, regs = register(machine, number, size), machine.regs
    if opcode < 0x50:
        return _count(machine, operand, -1 if opcode & 8 else 1, size, after)

    def push() -> int:
        machine.push(regs[number], size)
        return after

    def pop() -> int:
        operand.put(machine.pop(size))
        return after

    return pop if opcode & 8 else push


def _count(machine: Machine, operand: Operand, by: int, size: int, after: int) -> Step:
    """INC and DEC: they leave the carry alone."""
    op, mask = add if by > 0 else sub, MASKS[size]

    def step() -> int:
        result, flags = op(operand.get(), 1, mask, 0)
        machine.flags = (machine.flags[0], *flags[1:])
        operand.put(result)
        return after

    return step


def _all_registers(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    after, regs = fetch.next, machine.regs

    def push() -> int:
        for value in list(regs):
            machine.push(value, size)
        return after

    def pop() -> int:
        for number in (7, 6, 5, None, 3, 2, 1, 0):
            value = machine.pop(size)
            if number is not None:
                register(machine, number, size).put(value)
        return after

    return pop if opcode & 1 else push


def _push_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    value = fetch.signed(1 if opcode == 0x6A else size)
    after = fetch.next

    def step() -> int:
        machine.push(value, size)
        return after

    return step


def _multiply_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    field, source = fetch.modrm(size)
    value = fetch.signed(1 if opcode == 0x6B else size)
    return multiply(machine, register(machine, field, size), source.get, constant(value), size, fetch.next)


def _test(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    if opcode >= 0xA8:
        accumulator = register(machine, EAX, size)
        return binary(
            machine, and_, accumulator, constant(fetch.unsigned(size)), size, fetch.next, keep=False
        )
    field, other = fetch.modrm(size)
    return binary(machine, and_, other, register(machine, field, size).get, size, fetch.next, keep=False)


def _exchange(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    if opcode >= 0x90:
        one, other = register(machine, opcode & 7, size), register(machine, EAX, size)
    else:
        field, one = fetch.modrm(size)
        other = register(machine, field, size)
    after = fetch.next

    def step() -> int:
        kept = one.get()
        one.put(other.get())
        other.put(kept)
        return after

    return step


def _move(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    field, other = fetch.modrm(size)
    mine = register(machine, field, size)
    return move(mine, other.get, fetch) if opcode & 2 else move(other, mine.get, fetch)


def _move_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    _, target = fetch.modrm(size)
    return move(target, constant(fetch.unsigned(size)), fetch)


def _move_absolute(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    place = memory(machine, constant((fetch.unsigned(4) + fetch.segment) & WORD), size)
    accumulator = register(machine, EAX, size)
    return move(place, accumulator.get, fetch) if opcode & 2 else move(accumulator, place.get, fetch)


def _move_segment(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    _, other = fetch.modrm(2)
    return move(other, constant(0x2B), fetch) if opcode == 0x8C else nothing(fetch)


def _address(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    fetch.segment = 0
    field, other = fetch.modrm(size)
    if other.address is None:
        raise Fault(ILLEGAL_INSTRUCTION, f"LEA of a register at {fetch.start:#x}")
    address, mask = other.address, MASKS[size]
    return move(register(machine, field, size), lambda: address() & mask, fetch)


def _pop_operand(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    _, target = fetch.modrm(size)
    return move(target, lambda: machine.pop(size), fetch)


def _shift(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    field, target = fetch.modrm(size)
    if opcode < 0xD0:
        count = constant(fetch.unsigned(1))
    else:
        count = register(machine, ECX, 1).get if opcode & 2 else constant(1)
    return shifted(machine, field, target, count, size, fetch.next)


def _return(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    drop = fetch.unsigned(2) if opcode == 0xC2 else 0

    def step() -> int:
        target = machine.pop()
        machine.regs[ESP] = (machine.regs[ESP] + drop) & WORD
        return target

    return step


def _call(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    offset = fetch.signed(1 if opcode == 0xEB else 4)
    after, target = fetch.next, (fetch.next + offset) & WORD

    def step() -> int:
        machine.push(after)
        return target

    return step if opcode == 0xE8 else lambda: target


def _loop(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    offset = fetch.signed(1)
    after, target, regs = fetch.next, (fetch.next + offset) & WORD, machine.regs
    if opcode == 0xE3:
        return lambda: after if regs[ECX] else target

    def step() -> int:
        regs[ECX] = (regs[ECX] - 1) & WORD
        met = opcode == 0xE2 or (not machine.flags[1]) == (opcode == 0xE1)
        return target if regs[ECX] and met else after

    return step


def _unary(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
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


def _indirect(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    field, target = fetch.modrm(size)
    after, get = fetch.next, target.get
    if field < 2:
        return _count(machine, target, -1 if field else 1, size, after)
    if opcode == 0xFE or field in (3, 5, 7):
        raise Fault(ILLEGAL_INSTRUCTION, f"far or undefined call at {fetch.start:#x}")

    def call() -> int:
        address = get()
        machine.push(after)
        return address

    def push() -> int:
        machine.push(get(), size)
        return after

    return call if field == 2 else get if field == 4 else push


def _widen(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """CBW, CWDE (98) and CWD, CDQ (99)."""
    half = register(machine, EAX, size // 2 if opcode == 0x98 else size)
    bits, mask = 4 * size if opcode == 0x98 else 8 * size, MASKS[size]
    if opcode == 0x98:
        return move(register(machine, EAX, size), lambda: signed(half.get(), bits) & mask, fetch)
    return move(register(machine, EDX, size), lambda: mask if half.get() >> (bits - 1) else 0, fetch)


def _flags(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
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


def _leave(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    after, regs = fetch.next, machine.regs

    def step() -> int:
        regs[ESP] = regs[EBP]
        regs[EBP] = machine.pop()
        return after

    return step


def _translate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    low, regs = register(machine, EAX, 1), machine.regs
    return move(low, lambda: machine.load((regs[3] + low.get()) & WORD, 1), fetch)


def _trap(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    code = BREAKPOINT if opcode == 0xCC else 0xC000_0005

    def step() -> int:
        raise Fault(code, f"interrupt at {fetch.start:#x}")

    return step


def _no_operation(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    return nothing(fetch)


Build = Callable[[Machine, Fetch, int, int], Step]

_WIDE = {*range(0x91, 0xA0), 0x60, 0x61, 0x68, 0x69, 0x6A, 0x6B, 0x8D, 0x8F, 0xC9}
"""Opcodes whose lowest bit does not choose the size."""

_OTHERS: dict[int, Build] = {
    **dict.fromkeys((0x60, 0x61), _all_registers),
    **dict.fromkeys((0x68, 0x6A), _push_immediate),
    **dict.fromkeys((0x69, 0x6B), _multiply_immediate),
    **dict.fromkeys((0x84, 0x85, 0xA8, 0xA9), _test),
    **dict.fromkeys((0x86, 0x87, *range(0x91, 0x98)), _exchange),
    **dict.fromkeys(range(0x88, 0x8C), _move),
    **dict.fromkeys((0x8C, 0x8E), _move_segment),
    0x8D: _address,
    0x8F: _pop_operand,
    **dict.fromkeys((0x90, 0x9B, 0xFA, 0xFB), _no_operation),
    **dict.fromkeys((0x98, 0x99), _widen),
    **dict.fromkeys((0x9C, 0x9D, 0x9E, 0x9F, 0xF5, 0xF8, 0xF9, 0xFC, 0xFD, 0xD6), _flags),
    **dict.fromkeys(range(0xA0, 0xA4), _move_absolute),
    **dict.fromkeys((0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3), _shift),
    **dict.fromkeys((0xC2, 0xC3), _return),
    **dict.fromkeys((0xC6, 0xC7), _move_immediate),
    0xC9: _leave,
    **dict.fromkeys((0xCC, 0xCD, 0xF4), _trap),
    0xD7: _translate,
    **dict.fromkeys(range(0xE0, 0xE4), _loop),
    **dict.fromkeys((0xE8, 0xE9, 0xEB), _call),
    **dict.fromkeys((0xF6, 0xF7), _unary),
    **dict.fromkeys((0xFE, 0xFF), _indirect),
}
