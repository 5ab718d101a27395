"""From bytes to closures: each instruction is decoded once into a function that runs it (Intel SDM, volume 2).

Integer instructions of 32-bit code, as compilers and packers write them. Floating-point instructions are read and
do nothing; what else is missing is a `Fault`, as on a processor that does not know it.
"""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.x86.arithmetic import ALU
from overt.engine.x86.data import (
    all_registers,
    exchange,
    leave_frame,
    load_address,
    move_absolute,
    move_immediate,
    move_operand,
    move_segment,
    on_register,
    pop_operand,
    push_immediate,
    segment_stack,
    translate,
    widen,
)
from overt.engine.x86.extended import extended
from overt.engine.x86.flow import branch, call_or_jump, indirect, leave_function, loop, trap
from overt.engine.x86.integer import alu, multiply_immediate, on_flags, shift_operand, test, unary
from overt.engine.x86.machine import ILLEGAL_INSTRUCTION, Fault, Machine, Step
from overt.engine.x86.operands import MASKS, Fetch, constant, register
from overt.engine.x86.steps import binary, move, nothing
from overt.engine.x86.strings import string_step

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
        return alu(machine, fetch, ALU[opcode >> 3], opcode & 7, size, keep=opcode >> 3 != 7)
    if opcode < 0x40:
        return segment_stack(machine, fetch, opcode)
    if opcode < 0x60:
        return on_register(machine, fetch, opcode, wide)
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


def _no_operation(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    return nothing(fetch)


Build = Callable[[Machine, Fetch, int, int], Step]

_WIDE = {*range(0x91, 0xA0), 0x60, 0x61, 0x68, 0x69, 0x6A, 0x6B, 0x8D, 0x8F, 0xC9}
"""Opcodes whose lowest bit does not choose the size."""

_OTHERS: dict[int, Build] = {
    **dict.fromkeys((0x60, 0x61), all_registers),
    **dict.fromkeys((0x68, 0x6A), push_immediate),
    **dict.fromkeys((0x69, 0x6B), multiply_immediate),
    **dict.fromkeys((0x84, 0x85, 0xA8, 0xA9), test),
    **dict.fromkeys((0x86, 0x87, *range(0x91, 0x98)), exchange),
    **dict.fromkeys(range(0x88, 0x8C), move_operand),
    **dict.fromkeys((0x8C, 0x8E), move_segment),
    0x8D: load_address,
    0x8F: pop_operand,
    **dict.fromkeys((0x90, 0x9B, 0xFA, 0xFB), _no_operation),
    **dict.fromkeys((0x98, 0x99), widen),
    **dict.fromkeys((0x9C, 0x9D, 0x9E, 0x9F, 0xF5, 0xF8, 0xF9, 0xFC, 0xFD, 0xD6), on_flags),
    **dict.fromkeys(range(0xA0, 0xA4), move_absolute),
    **dict.fromkeys((0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3), shift_operand),
    **dict.fromkeys((0xC2, 0xC3), leave_function),
    **dict.fromkeys((0xC6, 0xC7), move_immediate),
    0xC9: leave_frame,
    **dict.fromkeys((0xCC, 0xCD, 0xF4), trap),
    0xD7: translate,
    **dict.fromkeys(range(0xE0, 0xE4), loop),
    **dict.fromkeys((0xE8, 0xE9, 0xEB), call_or_jump),
    **dict.fromkeys((0xF6, 0xF7), unary),
    **dict.fromkeys((0xFE, 0xFF), indirect),
}
