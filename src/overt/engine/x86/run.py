"""Run a packed 32-bit Windows program until it has unpacked itself, and give back its image.

A run ends when the program calls a function that start-up code does not need, does what is not emulated, or has
used its instructions. Exceptions reach the program's own handlers, because packers use them to hide jumps.
"""

from __future__ import annotations

from overt.engine.exe import Pe
from overt.engine.mapped import MAX_IMAGE_BYTES, PAGE, dump, image_bytes, load
from overt.engine.x86.decode import decode
from overt.engine.x86.machine import (
    EAX,
    EBP,
    EBX,
    ECX,
    EDI,
    EDX,
    ESI,
    ESP,
    WORD,
    Fault,
    Machine,
    Stop,
)
from overt.engine.x86.windows import HANDLER_RETURNS, KERNEL_BYTES, Windows

STACK_BYTES = 256 << 10
ALLOCATION_GRAIN = 0x10000
MAX_FAULTS = 256
TURN = 1_000
"""Instructions between two looks at the limit."""
DECODING_WORK = 200
"""What decoding one instruction counts as, in instructions: a program that slides through megabytes of zeros
decodes all of them and repeats none."""

USED_UP = "the instructions are used up"
"""Why a run ended that might have gone on."""

_CONTEXT = {0x9C: EDI, 0xA0: ESI, 0xA4: EBX, 0xA8: EDX, 0xAC: ECX, 0xB0: EAX, 0xB4: EBP, 0xC4: ESP}
"""Offset in CONTEXT (winnt.h) → register."""
_CONTEXT_EIP, _CONTEXT_FLAGS, _CONTEXT_BYTES = 0xB8, 0xC0, 0x2CC


class Run:
    """One program in memory, ready to go."""

    def __init__(self, data: bytes, pe: Pe) -> None:
        """Map the program as the loader does. Raises `Stop` when it cannot be."""
        self.pe = pe
        self.image_bytes = image_bytes(pe)
        if self.image_bytes > MAX_IMAGE_BYTES or pe.image_base > 0x7000_0000:
            raise Stop("the image is too large")
        segment = pe.image_base + self.image_bytes
        kernel = -(-(segment + PAGE + STACK_BYTES) // ALLOCATION_GRAIN) * ALLOCATION_GRAIN
        memory = bytearray(kernel + KERNEL_BYTES - pe.image_base)
        memory[: self.image_bytes] = load(data, pe)
        self.machine = Machine(pe.image_base, memory, segment)
        self.windows = Windows(self.machine, kernel, data)
        self.steps = 0
        self.faults = 0
        self.context = 0
        self.first = b""
        """The image when functions were first looked up: packers do that once they have unpacked."""
        self._prepare(segment)

    def _prepare(self, segment: int) -> None:
        machine = self.machine
        self.windows.write_blocks(segment, segment + PAGE + STACK_BYTES, self.pe)
        machine.regs[ESP] = segment + PAGE + STACK_BYTES - 0x400
        machine.regs[EBP] = machine.regs[ESP] + 0x100
        machine.push(self.windows.address_of(b"ExitThread"))
        machine.regs[EBX] = segment + 0x400
        machine.regs[EAX] = machine.regs[EDX] = self.pe.image_base + self.pe.entry
        try:
            self.windows.bind(self.pe)
        except Fault:
            pass
        machine.written = 0

    def go(self, instructions: int) -> str:
        """Run at most `instructions`; returns why it ended."""
        address = self.pe.image_base + self.pe.entry
        while True:
            try:
                return self._until_fault(address, instructions)
            except Fault as fault:
                self.faults += 1
                try:
                    address = self._handle(fault)
                except Stop:
                    return str(fault)
            except Stop as stop:
                return str(stop)

    def _until_fault(self, address: int, instructions: int) -> str:
        machine, cache = self.machine, self.machine.cache
        while True:
            left = instructions - self.steps - machine.work
            if left <= 0:
                return USED_UP
            turn = min(left, TURN)
            try:
                for _ in range(turn):
                    self.at = address
                    step = cache.get(address)
                    address = self._elsewhere(address) if step is None else step()
            finally:
                self.steps += turn

    def _elsewhere(self, address: int) -> int:
        """An address that was not decoded before: a function of Windows, or an instruction."""
        name = self.windows.name_at(address)
        if name is None:
            self.machine.work += DECODING_WORK
            return decode(self.machine, address)()
        if name == HANDLER_RETURNS:
            return self._resume()
        if not self.first and name in (b"LoadLibraryA", b"GetProcAddress", b"GetModuleHandleA"):
            self.first = self.image()
        return self.windows.call(name)

    def _handle(self, fault: Fault) -> int:
        """Call the program's exception handler as Windows does (winnt.h: EXCEPTION_RECORD, CONTEXT)."""
        machine = self.machine
        record = machine.load(machine.segment, 4)
        if self.faults > MAX_FAULTS or record == WORD:
            raise Stop("no handler")
        handler = machine.load(record + 4, 4)
        registers, flags = list(machine.regs), machine.packed_flags()
        machine.regs[ESP] = (machine.regs[ESP] - _CONTEXT_BYTES) & ~3 & WORD
        self.context = context = machine.regs[ESP]
        for offset, number in _CONTEXT.items():
            machine.store(context + offset, 4, registers[number])
        machine.store(context, 4, 0x10007)
        machine.store(context + _CONTEXT_EIP, 4, self.at)
        machine.store(context + _CONTEXT_FLAGS, 4, flags)
        for value in (0, 0, 0, self.at, 0, 0, fault.code):
            machine.push(value)
        exception = machine.regs[ESP]
        for value in (0, context, record, exception, self.windows.address_of(HANDLER_RETURNS)):
            machine.push(value)
        return handler

    def _resume(self) -> int:
        """The handler returned: go on where its CONTEXT says. Raises `Stop` when it did not handle it."""
        machine, context = self.machine, self.context
        if machine.regs[EAX] or not context:
            raise Stop("the handler declines")
        for offset, number in _CONTEXT.items():
            machine.regs[number] = machine.load(context + offset, 4)
        machine.set_packed_flags(machine.load(context + _CONTEXT_FLAGS, 4))
        return machine.load(context + _CONTEXT_EIP, 4)

    def image(self) -> bytes:
        """The program's memory as a PE file whose sections lie where they were mapped."""
        return dump(self.machine.memory[: self.image_bytes], self.pe)
