"""MOVS, CMPS, STOS, LODS and SCAS, alone and repeated."""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.x86.arithmetic import sub
from overt.engine.x86.machine import ACCESS_VIOLATION, EAX, ECX, EDI, ESI, WORD, Fault, Machine, Step
from overt.engine.x86.operands import MASKS, register

REPNE = 0xF2


def string_step(machine: Machine, opcode: int, size: int, repeat: int, after: int) -> Step:
    """One string instruction; `repeat` is its prefix or 0."""
    once = _once(machine, opcode, size)
    if not repeat:

        def step() -> int:
            once()
            return after

        return step
    compares = opcode & 0xFE in (0xA6, 0xAE)
    copies = opcode & 0xFE in (0xA4, 0xAA)
    regs = machine.regs

    def repeated() -> int:
        if copies and machine.direction > 0 and _in_bulk(machine, opcode, size):
            return after
        while regs[ECX]:
            once()
            machine.work += 1
            regs[ECX] -= 1
            if compares and bool(machine.flags[1]) != (repeat == REPNE):
                break
            if machine.work > MAX_TURNS:
                raise Fault(ACCESS_VIOLATION, "repeats without end")
        return after

    return repeated


MAX_TURNS = 1 << 24


def _once(machine: Machine, opcode: int, size: int) -> Callable[[], None]:
    regs, load, store, mask = machine.regs, machine.load, machine.store, MASKS[size]
    accumulator = register(machine, EAX, size)

    def advance(*numbers: int) -> None:
        for number in numbers:
            regs[number] = (regs[number] + size * machine.direction) & WORD

    def move() -> None:
        store(regs[EDI], size, load(regs[ESI], size))
        advance(ESI, EDI)

    def compare() -> None:
        _, machine.flags = sub(load(regs[ESI], size), load(regs[EDI], size), mask, 0)
        advance(ESI, EDI)

    def fill() -> None:
        store(regs[EDI], size, accumulator.get())
        advance(EDI)

    def fetch() -> None:
        accumulator.put(load(regs[ESI], size))
        advance(ESI)

    def search() -> None:
        _, machine.flags = sub(accumulator.get(), load(regs[EDI], size), mask, 0)
        advance(EDI)

    return {0xA4: move, 0xA6: compare, 0xAA: fill, 0xAC: fetch, 0xAE: search}[opcode & 0xFE]


def _in_bulk(machine: Machine, opcode: int, size: int) -> bool:
    """REP MOVS and REP STOS as one slice; False when pieces overlap or leave memory: then turn by turn."""
    regs, memory = machine.regs, machine.memory
    length = regs[ECX] * size
    to, source = regs[EDI] - machine.base, regs[ESI] - machine.base
    if to < 0 or to + length > len(memory) or 1 in machine.code[to : to + length]:
        return False
    if opcode & 0xFE == 0xA4:
        if source < 0 or source + length > len(memory) or source < to < source + length:
            return False
        memory[to : to + length] = memory[source : source + length]
        regs[ESI] = (regs[ESI] + length) & WORD
    else:
        memory[to : to + length] = (regs[EAX] & MASKS[size]).to_bytes(size, "little") * regs[ECX]
    regs[EDI] = (regs[EDI] + length) & WORD
    machine.work += length >> 8
    machine.written += regs[ECX]
    regs[ECX] = 0
    return True
