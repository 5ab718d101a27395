"""The few answers that Windows gives to the start-up code of a packed program; everything else ends the run."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.engine.exe import IMPORTS, Pe
from overt.engine.x86.arithmetic import signed
from overt.engine.x86.machine import EAX, ESP, WORD, Machine, Stop

KERNEL_BYTES = 0x20000
"""Room for a stand-in of kernel32.dll: headers, an export table, and a slot for each function."""
EXPORTS_AT, SLOTS_AT, SLOT_BYTES = 0x1000, 0x10000, 16
MAX_FUNCTIONS = (KERNEL_BYTES - SLOTS_AT) // SLOT_BYTES - 1
HANDLER_RETURNS = b"<return from an exception handler>"
OWN_FILE = 0x44
"""The only handle there is: packers read the file that they were started from, to check it."""
LIBRARY = -1
"""Stands for the base of the one library, the stand-in, in the table below."""
MAX_IMPORTS = 4096
MAX_HEAP_BYTES = 48 << 20

_ANSWERS: dict[bytes, tuple[int, int]] = {
    name: answer
    for answer, names in {
        (0, 0): b"IsDebuggerPresent GetTickCount GetLastError",
        (0, 4): b"GetCurrentProcessId",
        (0, 8): b"GetCurrentThreadId",
        (0, 0x10000): b"GetProcessHeap",
        (0, 0x0A28_0105): b"GetVersion",
        (0, WORD): b"GetCurrentProcess",
        (0, WORD - 1): b"GetCurrentThread",
        (1, LIBRARY): b"LoadLibraryA LoadLibraryW GetModuleHandleA GetModuleHandleW",
        (3, LIBRARY): b"LoadLibraryExA",
        (
            1,
            0,
        ): b"GlobalFree LocalFree SetErrorMode Sleep OutputDebugStringA SetUnhandledExceptionFilter lstrlenA",
        (1, 1): b"FreeLibrary CloseHandle",
        (2, 1): b"VirtualLock",
        (3, 0): b"GetModuleFileNameA VirtualQuery",
        (3, 1): b"VirtualFree HeapFree",
        (3, 0x10000): b"HeapCreate",
        (4, 1): b"VirtualProtect",
        (6, 0): b"CreateThread",
        (7, OWN_FILE): b"CreateFileA",
    }.items()
    for name in names.split()
}
"""Function → number of arguments (it removes them from the stack) and what it returns."""

_ALLOCATIONS = {b"VirtualAlloc": (4, 1), b"GlobalAlloc": (2, 1), b"LocalAlloc": (2, 1), b"HeapAlloc": (3, 2)}
"""Function → number of arguments, and which of them is the size."""


_FILES = {b"GetFileSize": 2, b"SetFilePointer": 4, b"ReadFile": 5}
"""Function → number of arguments."""

_EXPORTED = (
    b"CreateFileMappingA CreateMutexA CreateToolhelp32Snapshot DeviceIoControl ExitProcess ExitThread "
    b"FindResourceA GetCommandLineA GetEnvironmentVariableA GetProcAddress GetStartupInfoA GetSystemDirectoryA "
    b"GetVersionExA GetWindowsDirectoryA LoadResource LockResource MapViewOfFile Module32First Module32Next "
    b"OpenMutexA OpenProcess Process32First Process32Next ReadProcessMemory ReleaseMutex ResumeThread "
    b"SetEnvironmentVariableA SizeofResource TerminateProcess TerminateThread UnmapViewOfFile "
    b"WaitForSingleObject WriteFile WriteProcessMemory lstrcatA lstrcmpA lstrcmpiA lstrcpyA"
).split()
"""Functions that can be found in the library besides; calling most of them ends the run."""


class Windows:
    """A stand-in for kernel32.dll in the program's memory; every library is this one."""

    def __init__(self, machine: Machine, base: int, file: bytes) -> None:
        self.machine = machine
        self.file = file
        self.position = 0
        self.base = base
        self.names: list[bytes] = []
        self.known: dict[bytes, int] = {}
        self.heap_bytes = 0
        for name in sorted({*_ANSWERS, *_ALLOCATIONS, *_FILES, *_EXPORTED}):
            self.address_of(name)
        _write_library(machine, base, self.names)

    def address_of(self, name: bytes) -> int:
        """The address that stands for the function `name`. Raises `Stop` when there are too many."""
        if name not in self.known:
            if len(self.names) >= MAX_FUNCTIONS:
                raise Stop("looks up too many functions")
            self.known[name] = self.base + SLOTS_AT + SLOT_BYTES * len(self.names)
            self.names.append(name)
        return self.known[name]

    def name_at(self, address: int) -> bytes | None:
        """The function whose slot has `address`; None when there is none."""
        index = (address - self.base - SLOTS_AT) // SLOT_BYTES
        return self.names[index] if 0 <= index < len(self.names) else None

    def write_blocks(self, segment: int, stack_top: int, pe: Pe) -> None:
        """The thread and process blocks (winternl.h: TEB, PEB, LDR) that code looks up libraries in."""
        store = self.machine.store
        block, loader = segment + 0x400, segment + 0x500
        for offset, value in ((0, WORD), (4, stack_top), (0x18, segment), (0x30, block)):
            store(segment + offset, 4, value)
        store(block + 8, 4, pe.image_base)
        store(block + 12, 4, loader)
        entries = [loader + 0x100 + 0x80 * index for index in range(3)]
        bases = ((pe.image_base, pe.image_size), (self.base, KERNEL_BYTES), (self.base, KERNEL_BYTES))
        for entry, (base, size), name in zip(entries, bases, ("program.exe", "ntdll.dll", "kernel32.dll")):
            text = name.encode("utf-16-le") + b"\0\0"
            at = entry + 0x40 - self.machine.base
            self.machine.memory[at : at + len(text)] = text
            for offset, value in (
                (0x18, base),
                (0x20, size),
                (0x2C, len(text) - 2 | len(text) << 16),
                (0x30, entry + 0x40),
            ):
                store(entry + offset, 4, value)
        for offset, head in ((0, 0x0C), (8, 0x14), (16, 0x1C)):
            ring = [loader + head, *(entry + offset for entry in entries)]
            for link, after, before in zip(ring, ring[1:] + ring[:1], ring[-1:] + ring[:-1]):
                store(link, 4, after)
                store(link + 4, 4, before)

    def bind(self, pe: Pe) -> None:
        """Fill the import table as the loader does; what is out of order in it is left alone."""
        machine = self.machine
        table, _ = pe.directory(IMPORTS)
        for descriptor in range(0, 20 * 64, 20) if table else ():
            at = pe.image_base + table + descriptor
            lookup, slots = machine.load(at, 4), machine.load(at + 16, 4)
            if not slots:
                return
            for name, slot in self._slots(pe.image_base, lookup or slots, slots):
                machine.store(slot, 4, self.address_of(name))

    def _slots(self, base: int, lookup: int, slots: int) -> Iterator[tuple[bytes, int]]:
        for index in range(MAX_IMPORTS):
            value = self.machine.load(base + lookup + 4 * index, 4)
            if not value:
                return
            name = b"#%d" % (value & 0xFFFF) if value >> 31 else self.machine.text(base + value + 2)
            yield name, base + slots + 4 * index

    def call(self, name: bytes) -> int:
        """Do what the function does and return the address to go on at. Raises `Stop` when it is not one of ours."""
        machine = self.machine
        if name == b"GetProcAddress":
            wanted = self._argument(2)
            count = 2
            result = self.address_of(machine.text(wanted) if wanted >> 16 else b"#%d" % wanted)
        elif name in _ALLOCATIONS:
            count, which = _ALLOCATIONS[name]
            result = self._allocate(self._argument(which + 1))
        elif name in _FILES:
            count, result = _FILES[name], self._file(name)
        elif name in _ANSWERS:
            count, result = _ANSWERS[name]
            result = self.base if result == LIBRARY else result
        else:
            raise Stop(f"calls {name.decode('ascii', 'replace')}")
        back = machine.pop()
        machine.regs[ESP] = (machine.regs[ESP] + 4 * count) & WORD
        machine.regs[EAX] = result
        return back

    def _argument(self, number: int) -> int:
        return self.machine.load(self.machine.regs[ESP] + 4 * number, 4)

    def _file(self, name: bytes) -> int:
        """GetFileSize, SetFilePointer and ReadFile of the program's own file."""
        if name == b"GetFileSize":
            return len(self.file)
        if name == b"SetFilePointer":
            start = (0, self.position, len(self.file))[self._argument(4) % 3]
            self.position = max(0, start + signed(self._argument(2), 32))
            return self.position
        piece = self.file[self.position : self.position + self._argument(3)]
        at = self._argument(2) - self.machine.base
        if not 0 <= at <= len(self.machine.memory) - len(piece):
            raise Stop("reads a file to nowhere")
        self.machine.memory[at : at + len(piece)] = piece
        self.position += len(piece)
        if self._argument(4):
            self.machine.store(self._argument(4), 4, len(piece))
        return 1

    def _allocate(self, size: int) -> int:
        """More memory after all there is. Raises `Stop` when the program wants more than `MAX_HEAP_BYTES`."""
        size = -(-size // 0x1000) * 0x1000
        self.heap_bytes += size
        if self.heap_bytes > MAX_HEAP_BYTES or not size:
            raise Stop(f"wants {size} bytes of memory")
        address = self.machine.base + len(self.machine.memory)
        self.machine.memory.extend(bytes(size))
        self.machine.code.extend(bytes(size))
        return address


def _write_library(machine: Machine, base: int, names: list[bytes]) -> None:
    """Headers and an export table (Microsoft, "PE Format", "The .edata Section") for `names`, which are sorted."""
    library = bytearray(SLOTS_AT)
    struct.pack_into("<2s58xI", library, 0, b"MZ", 0x80)
    struct.pack_into("<4sHH12xHH", library, 0x80, b"PE\0\0", 0x14C, 0, 0xE0, 0x2102)
    struct.pack_into("<H26xI20xII", library, 0x98, 0x10B, base, KERNEL_BYTES, 0x1000)
    struct.pack_into("<III", library, 0x98 + 92, 16, EXPORTS_AT, SLOTS_AT - EXPORTS_AT)
    count = len(names)
    functions = EXPORTS_AT + 40
    pointers, ordinals = functions + 4 * count, functions + 8 * count
    text = ordinals + 2 * count
    struct.pack_into("<12xIIIIIII", library, EXPORTS_AT, text, 1, count, count, functions, pointers, ordinals)
    library[text : text + 13] = b"KERNEL32.dll\0"
    at = text + 13
    for index, name in enumerate(names):
        struct.pack_into("<I", library, functions + 4 * index, SLOTS_AT + SLOT_BYTES * index)
        struct.pack_into("<I", library, pointers + 4 * index, at)
        struct.pack_into("<H", library, ordinals + 2 * index, index)
        library[at : at + len(name) + 1] = name + b"\0"
        at += len(name) + 1
    start = base - machine.base
    machine.memory[start : start + SLOTS_AT] = library
    machine.memory[start + SLOTS_AT : start + KERNEL_BYTES] = b"\x90" * (KERNEL_BYTES - SLOTS_AT)
