"""Instructions that move data: between registers, memory and the stack."""

from __future__ import annotations

from overt.engine.x86.arithmetic import signed
from overt.engine.x86.machine import EAX, EBP, EDX, ESP, ILLEGAL_INSTRUCTION, WORD, Fault, Machine, Step
from overt.engine.x86.operands import MASKS, Fetch, constant, memory, register
from overt.engine.x86.steps import count, move, nothing


def segment_stack(machine: Machine, fetch: Fetch, opcode: int) -> Step:
    """PUSH and POP of a segment register. Raises `Fault` for an opcode that is none."""
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


def on_register(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """INC, DEC, PUSH and POP of a register."""
    number, after = opcode & 7, fetch.next
    operand, regs = register(machine, number, size), machine.regs
    if opcode < 0x50:
        return count(machine, operand, -1 if opcode & 8 else 1, size, after)

    def push() -> int:
        machine.push(regs[number], size)
        return after

    def pop() -> int:
        operand.put(machine.pop(size))
        return after

    return pop if opcode & 8 else push


def all_registers(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """PUSHA and POPA."""
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


def push_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """PUSH of a constant."""
    value = fetch.signed(1 if opcode == 0x6A else size)
    after = fetch.next

    def step() -> int:
        machine.push(value, size)
        return after

    return step


def exchange(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """XCHG."""
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


def move_operand(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """MOV between a register and an operand."""
    field, other = fetch.modrm(size)
    mine = register(machine, field, size)
    return move(mine, other.get, fetch) if opcode & 2 else move(other, mine.get, fetch)


def move_immediate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """MOV of a constant to an operand."""
    _, target = fetch.modrm(size)
    return move(target, constant(fetch.unsigned(size)), fetch)


def move_absolute(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """MOV between the accumulator and a fixed address."""
    place = memory(machine, constant((fetch.unsigned(4) + fetch.segment) & WORD), size)
    accumulator = register(machine, EAX, size)
    return move(place, accumulator.get, fetch) if opcode & 2 else move(accumulator, place.get, fetch)


def move_segment(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """MOV from a segment register, which all have the same value, or to one, which does nothing."""
    _, other = fetch.modrm(2)
    return move(other, constant(0x2B), fetch) if opcode == 0x8C else nothing(fetch)


def load_address(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """LEA. Raises `Fault` when the operand is a register."""
    fetch.segment = 0
    field, other = fetch.modrm(size)
    if other.address is None:
        raise Fault(ILLEGAL_INSTRUCTION, f"LEA of a register at {fetch.start:#x}")
    address, mask = other.address, MASKS[size]
    return move(register(machine, field, size), lambda: address() & mask, fetch)


def pop_operand(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """POP to an operand."""
    _, target = fetch.modrm(size)
    return move(target, lambda: machine.pop(size), fetch)


def widen(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """CBW, CWDE (98) and CWD, CDQ (99)."""
    half = register(machine, EAX, size // 2 if opcode == 0x98 else size)
    bits, mask = 4 * size if opcode == 0x98 else 8 * size, MASKS[size]
    if opcode == 0x98:
        return move(register(machine, EAX, size), lambda: signed(half.get(), bits) & mask, fetch)
    return move(register(machine, EDX, size), lambda: mask if half.get() >> (bits - 1) else 0, fetch)


def leave_frame(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """LEAVE."""
    after, regs = fetch.next, machine.regs

    def step() -> int:
        regs[ESP] = regs[EBP]
        regs[EBP] = machine.pop()
        return after

    return step


def translate(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """XLAT."""
    low, regs = register(machine, EAX, 1), machine.regs
    return move(low, lambda: machine.load((regs[3] + low.get()) & WORD, 1), fetch)
