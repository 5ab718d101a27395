"""Decoding of what instructions work on: registers, memory through ModRM and SIB, immediates (Intel SDM, 2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from overt.engine.x86.arithmetic import signed
from overt.engine.x86.machine import ACCESS_VIOLATION, ILLEGAL_INSTRUCTION, WORD, Fault, Machine

Get = Callable[[], int]
Put = Callable[[int], None]
MASKS = {1: 0xFF, 2: 0xFFFF, 4: WORD}
MAX_INSTRUCTION_BYTES = 15


class Operand(NamedTuple):
    """How to read and write it, and its address when it is in memory."""

    get: Get
    put: Put
    address: Get | None = None


class Fetch:
    """The bytes of one instruction, taken one after another."""

    def __init__(self, machine: Machine, address: int) -> None:
        at = address - machine.base
        if not 0 <= at < len(machine.memory):
            raise Fault(ACCESS_VIOLATION, f"runs {address:#x}")
        self.machine = machine
        self.start = address
        self.data = bytes(machine.memory[at : at + MAX_INSTRUCTION_BYTES])
        self.at = 0
        self.segment = 0
        """Added to addresses: the FS base after its prefix."""

    @property
    def next(self) -> int:
        """Address after the bytes taken so far."""
        return (self.start + self.at) & WORD

    def unsigned(self, size: int) -> int:
        """The next `size` bytes as a number. Raises `Fault` past the longest instruction."""
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise Fault(ILLEGAL_INSTRUCTION, f"no instruction at {self.start:#x}")
        self.at += size
        return int.from_bytes(piece, "little")

    def signed(self, size: int) -> int:
        """The next `size` bytes as a signed number."""
        return signed(self.unsigned(size), 8 * size)

    def modrm(self, size: int) -> tuple[int, Operand]:
        """The register field and the other operand, of `size` bytes."""
        byte = self.unsigned(1)
        field, kind = byte >> 3 & 7, byte >> 6
        if kind == 3:
            return field, register(self.machine, byte & 7, size)
        return field, memory(self.machine, self._address(byte & 7, kind), size)

    def _address(self, rm: int, kind: int) -> Get:
        base: int | None = rm
        index, scale = None, 0
        if rm == 4:
            sib = self.unsigned(1)
            base, index, scale = sib & 7, sib >> 3 & 7, sib >> 6
            index = None if index == 4 else index
        if base == 5 and kind == 0:
            base, offset = None, self.unsigned(4)
        else:
            offset = (0, self.signed(1) if kind == 1 else 0, self.signed(4) if kind == 2 else 0)[kind]
        return _sum(self.machine.regs, base, index, scale, offset + self.segment)


def _sum(regs: list[int], base: int | None, index: int | None, scale: int, offset: int) -> Get:
    if base is None and index is None:
        fixed = offset & WORD
        return lambda: fixed
    if index is None:
        only = base or 0
        return lambda: (regs[only] + offset) & WORD
    scaled = index
    if base is None:
        return lambda: ((regs[scaled] << scale) + offset) & WORD
    first = base
    return lambda: (regs[first] + (regs[scaled] << scale) + offset) & WORD


def memory(machine: Machine, address: Get, size: int) -> Operand:
    """`size` bytes where `address` says."""
    load, store = machine.load, machine.store
    return Operand(lambda: load(address(), size), lambda value: store(address(), size, value), address)


def register(machine: Machine, number: int, size: int) -> Operand:
    """A register of 4, 2 or 1 bytes; of one byte, 4 to 7 are AH, CH, DH, BH."""
    regs = machine.regs
    if size == 4:
        return Operand(lambda: regs[number], lambda value: regs.__setitem__(number, value))
    shift = 8 if size == 1 and number > 3 else 0
    full = number - 4 if shift else number
    mask = MASKS[size]
    keep = WORD ^ mask << shift

    def put(value: int) -> None:
        regs[full] = regs[full] & keep | value << shift

    return Operand(lambda: regs[full] >> shift & mask, put)


def constant(value: int) -> Get:
    """An immediate operand."""
    return lambda: value
