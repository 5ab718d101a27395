"""Instructions that go elsewhere: jumps, calls, returns, loops, traps."""

from __future__ import annotations

from overt.engine.x86.machine import BREAKPOINT, ECX, ESP, ILLEGAL_INSTRUCTION, WORD, Fault, Machine, Step
from overt.engine.x86.operands import Fetch
from overt.engine.x86.steps import count


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


def leave_function(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """RET."""
    drop = fetch.unsigned(2) if opcode == 0xC2 else 0

    def step() -> int:
        target = machine.pop()
        machine.regs[ESP] = (machine.regs[ESP] + drop) & WORD
        return target

    return step


def call_or_jump(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """CALL and JMP by an offset."""
    offset = fetch.signed(1 if opcode == 0xEB else 4)
    after, target = fetch.next, (fetch.next + offset) & WORD

    def step() -> int:
        machine.push(after)
        return target

    return step if opcode == 0xE8 else lambda: target


def loop(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """LOOP, LOOPE, LOOPNE and JECXZ."""
    offset = fetch.signed(1)
    after, target, regs = fetch.next, (fetch.next + offset) & WORD, machine.regs
    if opcode == 0xE3:
        return lambda: after if regs[ECX] else target

    def step() -> int:
        regs[ECX] = (regs[ECX] - 1) & WORD
        met = opcode == 0xE2 or (not machine.flags[1]) == (opcode == 0xE1)
        return target if regs[ECX] and met else after

    return step


def indirect(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """INC, DEC, CALL, JMP and PUSH of an operand. Raises `Fault` for a far or undefined one."""
    field, target = fetch.modrm(size)
    after, get = fetch.next, target.get
    if field < 2:
        return count(machine, target, -1 if field else 1, size, after)
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


def trap(machine: Machine, fetch: Fetch, opcode: int, size: int) -> Step:
    """INT3, INT and HLT: a `Fault` when they run."""
    code = BREAKPOINT if opcode == 0xCC else 0xC000_0005

    def step() -> int:
        raise Fault(code, f"interrupt at {fetch.start:#x}")

    return step
