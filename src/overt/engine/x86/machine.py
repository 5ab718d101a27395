"""The state of an emulated 32-bit x86 processor: registers, flags and one flat piece of memory.

It runs the short programs that packers put in front of what they packed. Nothing of the host is reachable from
it: memory is one `bytearray`, and calls that leave it end in `Stop` or in the few answers of `loader`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI = range(8)
WORD = 0xFFFF_FFFF

Step = Callable[[], int]
"""Runs one decoded instruction; returns the address of the next."""

Flags = tuple[int, int, int, int]
"""Carry (0 or 1), the last result, bits whose sign bit is the overflow flag, and the sign bit of the size."""

_DWORD = struct.Struct("<I")
_HALF = struct.Struct("<H")


class Stop(Exception):
    """The program did what is not emulated; its memory is as it left it."""


class Fault(Stop):
    """An access outside memory, an invalid instruction, a division by zero or a breakpoint."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        """The Windows status code that a program's own handler would be given."""


ACCESS_VIOLATION, DIVIDE_BY_ZERO = 0xC000_0005, 0xC000_0094
ILLEGAL_INSTRUCTION, BREAKPOINT = 0xC000_001D, 0x8000_0003


class Machine:
    """Registers, flags, and memory from `base` on."""

    __slots__ = (
        "base",
        "cache",
        "code",
        "direction",
        "flags",
        "memory",
        "regs",
        "segment",
        "work",
        "written",
    )

    def __init__(self, base: int, memory: bytearray, segment: int) -> None:
        self.base = base
        self.memory = memory
        self.segment = segment
        """Address of what FS points to."""
        self.regs = [0] * 8
        self.flags: Flags = (0, 1, 0, 0x8000_0000)
        self.direction = 1
        self.cache: dict[int, Step] = {}
        self.code = bytearray(len(memory))
        """1 for each byte that was decoded: writing there drops the decoded instructions."""
        self.work = 0
        """Loop turns inside single instructions, to be counted like instructions."""
        self.written = 0
        """Number of stores, a measure of whether anything was unpacked."""

    def load(self, address: int, size: int) -> int:
        """`size` bytes (1, 2 or 4) at `address`. Raises `Fault`."""
        at = address - self.base
        try:
            if at < 0:
                raise IndexError
            if size == 4:
                return int(_DWORD.unpack_from(self.memory, at)[0])
            return self.memory[at] if size == 1 else int(_HALF.unpack_from(self.memory, at)[0])
        except (IndexError, struct.error) as error:
            raise Fault(ACCESS_VIOLATION, f"reads {address:#x}") from error

    def store(self, address: int, size: int, value: int) -> None:
        """Write `size` bytes (1, 2 or 4). Raises `Fault`."""
        at = address - self.base
        try:
            if at < 0:
                raise IndexError
            if size == 4:
                _DWORD.pack_into(self.memory, at, value)
            elif size == 1:
                self.memory[at] = value
            else:
                _HALF.pack_into(self.memory, at, value)
            if self.code[at] or self.code[at + size - 1]:
                self.forget()
        except (IndexError, struct.error) as error:
            raise Fault(ACCESS_VIOLATION, f"writes {address:#x}") from error
        self.written += 1

    def forget(self) -> None:
        """Drop all decoded instructions: the program changed some of them."""
        for address in self.cache:
            at = address - self.base
            self.code[at : at + 16] = bytes(len(self.code[at : at + 16]))
        self.cache.clear()

    def push(self, value: int, size: int = 4) -> None:
        """Push 4 or 2 bytes. Raises `Fault`."""
        self.regs[ESP] = (self.regs[ESP] - size) & WORD
        self.store(self.regs[ESP], size, value & ((1 << 8 * size) - 1))

    def pop(self, size: int = 4) -> int:
        """Pop 4 or 2 bytes. Raises `Fault`."""
        value = self.load(self.regs[ESP], size)
        self.regs[ESP] = (self.regs[ESP] + size) & WORD
        return value

    def text(self, address: int, limit: int = 256) -> bytes:
        """The zero-terminated bytes at `address`; empty when it is outside memory."""
        at = address - self.base
        return bytes(self.memory[at : at + limit]).split(b"\0")[0] if at >= 0 else b""

    def condition(self, code: int) -> bool:
        """Whether the condition of a jump (0 to 15) holds."""
        carry, result, overflow, sign = self.flags
        match code >> 1:
            case 0:
                met = bool(overflow & sign)
            case 1:
                met = bool(carry)
            case 2:
                met = not result
            case 3:
                met = bool(carry) or not result
            case 4:
                met = bool(result & sign)
            case 5:
                met = not (result & 0xFF).bit_count() & 1
            case 6:
                met = bool((result ^ overflow) & sign)
            case _:
                met = not result or bool((result ^ overflow) & sign)
        return met != bool(code & 1)

    def packed_flags(self) -> int:
        """The flags register: carry, parity, zero, sign, direction, overflow; interrupts are on."""
        bits = ((0, 2), (2, 10), (6, 4), (7, 8), (11, 0))
        value = sum(self.condition(code) << position for position, code in bits)
        return value | 0x202 | (0x400 if self.direction < 0 else 0)

    def set_packed_flags(self, value: int) -> None:
        """As `popfd`; a zero result with the sign flag set cannot be kept, and zero wins."""
        result = 0 if value & 0x40 else 0x8000_0000 if value & 0x80 else 1
        if not value & 0x40 and value & 4:
            result = result & 0x8000_0000 | 3
        self.flags = (value & 1, result, 0x8000_0000 if value & 0x800 else 0, 0x8000_0000)
        self.direction = -1 if value & 0x400 else 1
