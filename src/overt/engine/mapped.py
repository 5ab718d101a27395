"""A PE file as it lies in memory, and memory as a PE file again."""

from __future__ import annotations

from overt.engine.exe import RAW_ALIGN, Pe

PAGE = 0x1000
MAX_IMAGE_BYTES = 64 << 20


def image_bytes(pe: Pe) -> int:
    """Bytes of memory that the program takes, in whole pages."""
    size = max(pe.image_size, *(s.address + max(s.memory_size, 1) for s in pe.sections), PAGE)
    return -(-size // PAGE) * PAGE


def load(data: bytes, pe: Pe) -> bytearray:
    """The headers and sections where the loader puts them."""
    memory = bytearray(image_bytes(pe))
    headers = min(max(pe.headers_size, 0x200), len(data), PAGE)
    memory[:headers] = data[:headers]
    for section in pe.sections:
        room = -(-(section.memory_size or section.file_size) // PAGE) * PAGE
        size = min(-(-section.file_size // RAW_ALIGN) * RAW_ALIGN, room)
        content = data[section.offset : section.offset + size]
        end = min(section.address + len(content), len(memory))
        memory[section.address : end] = content[: max(end - section.address, 0)]
    return memory


def dump(memory: bytearray, pe: Pe) -> bytes:
    """The memory as a PE file whose sections have the offsets that they have in memory."""
    image = bytearray(memory)
    header = int.from_bytes(image[0x3C:0x40], "little")
    table = header + 24 + int.from_bytes(image[header + 20 : header + 22], "little")
    for index, section in enumerate(pe.sections):
        entry = table + 40 * index
        if image[:2] == b"MZ" and entry + 40 <= len(image):
            size = min(max(section.memory_size, section.file_size), len(image) - section.address)
            image[entry + 16 : entry + 20] = max(size, 0).to_bytes(4, "little")
            image[entry + 20 : entry + 24] = section.address.to_bytes(4, "little")
    return bytes(image)
