"""The instructions behind the byte 0F that packers use."""

from __future__ import annotations

from overt.engine.x86.arithmetic import add, signed, sub
from overt.engine.x86.machine import EAX, EDX, ILLEGAL_INSTRUCTION, WORD, Fault, Machine, Step
from overt.engine.x86.operands import MASKS, Fetch, Get, Operand, constant, register
from overt.engine.x86.units import multiply


def extended(machine: Machine, fetch: Fetch, wide: int) -> Step:
    """The instruction whose bytes after 0F are next. Raises `Fault` for those not known here."""
    opcode = fetch.unsigned(1)
    if opcode >> 4 == 8:
        offset = fetch.signed(4)
        after, target = fetch.next, (fetch.next + offset) & WORD
        return lambda: target if machine.condition(opcode & 15) else after
    if opcode >> 4 in (4, 9):
        return _on_condition(machine, fetch, opcode, wide)
    if opcode in (0xB6, 0xB7, 0xBE, 0xBF):
        return _extend(machine, fetch, opcode, wide)
    if opcode in (0xA3, 0xAB, 0xB3, 0xBB, 0xBA):
        return _bit(machine, fetch, opcode, wide)
    if opcode in (0xA4, 0xA5, 0xAC, 0xAD):
        return _double_shift(machine, fetch, opcode, wide)
    if opcode == 0xAF:
        field, source = fetch.modrm(wide)
        mine = register(machine, field, wide)
        return multiply(machine, mine, mine.get, source.get, wide, fetch.next)
    if opcode in (0xBC, 0xBD):
        return _scan(machine, fetch, opcode, wide)
    if opcode in (0xB0, 0xB1, 0xC0, 0xC1):
        return _exchange(machine, fetch, opcode, wide if opcode & 1 else 1)
    if opcode >= 0xC8 and opcode < 0xD0:
        whole = register(machine, opcode & 7, 4)
        return _put(whole, lambda: int.from_bytes(whole.get().to_bytes(4, "little"), "big"), fetch)
    return _system(machine, fetch, opcode)


def _put(target: Operand, source: Get, fetch: Fetch) -> Step:
    after = fetch.next

    def step() -> int:
        target.put(source())
        return after

    return step


def _on_condition(machine: Machine, fetch: Fetch, opcode: int, wide: int) -> Step:
    """CMOVcc and SETcc."""
    if opcode >> 4 == 9:
        _, target = fetch.modrm(1)
        return _put(target, lambda: int(machine.condition(opcode & 15)), fetch)
    field, source = fetch.modrm(wide)
    mine = register(machine, field, wide)
    return _put(mine, lambda: source.get() if machine.condition(opcode & 15) else mine.get(), fetch)


def _extend(machine: Machine, fetch: Fetch, opcode: int, wide: int) -> Step:
    size = 2 if opcode & 1 else 1
    field, source = fetch.modrm(size)
    target = register(machine, field, wide)
    if opcode < 0xB8:
        return _put(target, source.get, fetch)
    mask = MASKS[wide]
    return _put(target, lambda: signed(source.get(), 8 * size) & mask, fetch)


def _bit(machine: Machine, fetch: Fetch, opcode: int, wide: int) -> Step:
    """BT, BTS, BTR, BTC on the operand itself (bit offsets past it are taken modulo its size)."""
    field, target = fetch.modrm(wide)
    if opcode == 0xBA:
        kind, number = field & 3, constant(fetch.unsigned(1))
    else:
        kind, number = opcode >> 3 & 3, register(machine, field, wide).get
    after = fetch.next

    def step() -> int:
        bit = 1 << (number() % (8 * wide))
        value = target.get()
        machine.flags = (int(bool(value & bit)), *machine.flags[1:])
        if kind:
            target.put((value, value | bit, value & ~bit, value ^ bit)[kind])
        return after

    return step


def _double_shift(machine: Machine, fetch: Fetch, opcode: int, wide: int) -> Step:
    """SHLD and SHRD."""
    field, target = fetch.modrm(wide)
    source = register(machine, field, wide).get
    count = register(machine, 1, 1).get if opcode & 1 else constant(fetch.unsigned(1))
    after, bits, mask = fetch.next, 8 * wide, MASKS[wide]

    def step() -> int:
        by = count() & 31
        if 0 < by <= bits:
            if opcode < 0xA8:
                both = (target.get() << bits | source()) << by
                result, carry = both >> bits & mask, both >> 2 * bits & 1
            else:
                both = source() << bits | target.get()
                result, carry = both >> by & mask, both >> (by - 1) & 1
            machine.flags = (carry, result, 0, mask ^ mask >> 1)
            target.put(result)
        return after

    return step


def _scan(machine: Machine, fetch: Fetch, opcode: int, wide: int) -> Step:
    """BSF and BSR."""
    field, source = fetch.modrm(wide)
    target, after = register(machine, field, wide), fetch.next

    def step() -> int:
        value = source.get()
        machine.flags = (0, value, 0, 0x8000_0000)
        if value:
            target.put((value & -value).bit_length() - 1 if opcode == 0xBC else value.bit_length() - 1)
        return after

    return step


def _exchange(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """CMPXCHG and XADD."""
    field, target = fetch.modrm(size)
    mine, accumulator = register(machine, field, size), register(machine, EAX, size)
    after, mask = fetch.next, MASKS[size]

    def exchange_add() -> int:
        value = target.get()
        result, machine.flags = add(value, mine.get(), mask, 0)
        mine.put(value)
        target.put(result)
        return after

    def compare_exchange() -> int:
        value = target.get()
        result, machine.flags = sub(accumulator.get(), value, mask, 0)
        if result:
            accumulator.put(value)
        else:
            target.put(mine.get())
        return after

    return exchange_add if opcode >= 0xC0 else compare_exchange


def _system(machine: Machine, fetch: Fetch, opcode: int) -> Step:
    """RDTSC and CPUID answer zeros but for a slow clock; long NOPs do nothing."""
    if opcode in (0x0D, 0x18, 0x1F):
        fetch.modrm(4)
    elif opcode not in (0x31, 0xA2):
        raise Fault(ILLEGAL_INSTRUCTION, f"opcode 0f {opcode:02x} at {fetch.start:#x}")
    after, regs = fetch.next, machine.regs

    def step() -> int:
        if opcode == 0x31:
            regs[EAX], regs[EDX] = machine.written & WORD, 0
        elif opcode == 0xA2:
            regs[:4] = [0, 0, 0, 0]
        return after

    return step
