"""What instructions compute: each function returns the result and the flags it leaves (Intel SDM, volume 2)."""

from __future__ import annotations

from collections.abc import Callable

from overt.engine.x86.machine import Flags

Binary = Callable[[int, int, int, int], tuple[int, Flags]]
"""Operands, mask of the size and carry → result, flags."""


def add(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    total = a + b
    result = total & mask
    return result, (total > mask, result, (a ^ result) & (b ^ result), mask ^ mask >> 1)


def adc(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    total = a + b + carry
    result = total & mask
    return result, (total > mask, result, (a ^ result) & (b ^ result), mask ^ mask >> 1)


def sub(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    result = (a - b) & mask
    return result, (a < b, result, (a ^ b) & (a ^ result), mask ^ mask >> 1)


def sbb(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    result = (a - b - carry) & mask
    return result, (a < b + carry, result, (a ^ b) & (a ^ result), mask ^ mask >> 1)


def and_(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    result = a & b
    return result, (0, result, 0, mask ^ mask >> 1)


def or_(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    result = a | b
    return result, (0, result, 0, mask ^ mask >> 1)


def xor(a: int, b: int, mask: int, carry: int) -> tuple[int, Flags]:
    result = a ^ b
    return result, (0, result, 0, mask ^ mask >> 1)


ALU: tuple[Binary, ...] = (add, or_, adc, sbb, and_, sub, xor, sub)
"""In the order of opcodes 00 to 3F; the last is CMP, which keeps only the flags."""


def shift(kind: int, a: int, count: int, bits: int, flags: Flags) -> tuple[int, Flags]:
    """ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR (`kind` 0 to 7); `count` is 1 to 31."""
    mask, sign = (1 << bits) - 1, 1 << (bits - 1)
    carry, old_result, _, old_sign = flags
    if kind < 4:
        result, carry = _rotate(kind, a, count, bits, carry)
        other = carry if kind in (0, 2) else bool(result & sign >> 1)
        return result, (carry, old_result, old_sign if bool(result & sign) != other else 0, old_sign)
    if kind in (4, 6):
        shifted = a << count
        result, carry = shifted & mask, shifted >> bits & 1
        return result, (carry, result, (result & sign) ^ (sign if carry else 0), sign)
    if kind == 5:
        return a >> count, (a >> (count - 1) & 1, a >> count, a, sign)
    signed = a - (mask + 1) if a & sign else a
    result = signed >> count & mask
    return result, (signed >> (count - 1) & 1, result, 0, sign)


def _rotate(kind: int, a: int, count: int, bits: int, carry: int) -> tuple[int, int]:
    mask = (1 << bits) - 1
    if kind < 2:
        count %= bits
        left = count if kind == 0 else bits - count
        result = (a << left | a >> (bits - left)) & mask if count else a
        return result, result & 1 if kind == 0 else result >> (bits - 1)
    wide, span = a | carry << bits, bits + 1
    left = count % span if kind == 2 else (span - count % span) % span
    wide = (wide << left | wide >> (span - left)) & ((1 << span) - 1)
    return wide & mask, wide >> bits


def signed(value: int, bits: int) -> int:
    """Two's complement of `bits` bits as a number."""
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
