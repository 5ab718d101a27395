"""Fixtures of programs: packed, damaged, or with the strings and symbols that rules look for."""

from __future__ import annotations

import hashlib

from tests.base.elf import BPF, EXECUTABLE, RELOCATABLE, SHARED, elf
from tests.base.inert import hexed, inert, wide
from tests.base.pe import CODE, WRITABLE_CODE, Section, pe, program

_NOISE = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(256))
"""8 KiB that look encrypted."""


def _packed(*names: str) -> bytes:
    return pe(*(Section(inert(name), flags=CODE) for name in names))


def _strings(*marked: str) -> bytes:
    """C strings one after another, as in a program's read-only data."""
    return b"\0" + b"\0".join(inert(text) for text in marked) + b"\0"


PACKED: dict[str, bytes] = {
    "packed_upx_windows": _packed("UP·X0", "UP·X1"),
    "packed_upx_linux": elf(inert("UP·X!") + bytes(400) + inert("UP·X!"), sections=False),
    "packed_aspack": _packed(".as·pack"),
    "packed_petite": _packed(".pet·ite"),
    "packed_mpress": _packed(".MPR·ESS1"),
    "packed_themida": _packed(".the·mida"),
    "packed_vmprotect": _packed(".v·mp0"),
    "packed_nspack": _packed(".n·sp0"),
    "packed_pecompact": program(inert("PECom·pact2")),
    "packed_mew": _packed("ME·W"),
    "packed_upack": b"MZ" + inert("KERN·EL32.DLL") + b"\0\0PE\0\0" + bytes(64),
    "packed_wwpack": _packed(".WW·P32"),
    "packed_yoda": _packed("y·C"),
    "packed_enigma": _packed(".eni·gma1"),
    "packed_kkrunchy": _packed("kkru·nchy"),
    "packed_confuser": program(_strings("Confu·sedByAttribute", "_CorEx·eMain")),
    "packed_pyinstaller": elf(_strings("_MEIP·ASS") + bytes(8192) + hexed("4d45490c0b·0a0b0e")),
    "packed_autoit": program(hexed("a3484bbe98·6c4aa9994c·530a86d648·7d") + inert("AU3·!EA06")),
    "pe_high_entropy": pe(Section(b".code", _NOISE)),
    "pe_no_sections": pe(),
    "pe_truncated": pe(Section(claimed=0x10000)),
    "pe_entry_outside": pe(Section(), entry=0x90000),
    "pe_writable_entry": pe(Section(flags=WRITABLE_CODE)),
    "pe_header_missing": pe(Section(), new_header=0x40)[:0x18]
    + b"\x40\0"
    + bytes(34)
    + b"\0\0\1\0"
    + bytes(64),
    "elf_truncated": elf(bytes(512))[:-200],
    "elf_no_sections": elf(sections=False),
    "elf_high_entropy": elf(_NOISE, sections=False),
    "elf_header_overlap": elf()[:0x20] + b"\x10" + elf()[0x21:0x38] + b"\1" + elf()[0x39:],
}

WINDOWS: dict[str, bytes] = {
    "ransom_note_dropper": program(
        _strings(
            "All your fi·les have been encr·ypted. Pay in bit·coin.", "CryptGen·Random", "FindFirst·FileW"
        )
    ),
    "miner_program": program(
        _strings("don·ate-level", "random·x", "str·atum+tcp", '"method":"lo·gin"', "job·_id")
    ),
    "stealer_program": program(
        wide("Lo·gin Data\0encry·pted_key\0wall·et.dat\0FileZi·lla\\recent·servers.xml\0")
    ),
    "banking_window_watch": program(
        _strings(
            "Banco do Bra·sil",
            "Brad·esco",
            "Sant·ander",
            "GetWindow·TextW",
            "SendIn·put",
            "Bit·Blt",
            "GbPlu·gin",
        )
    ),
}

LINUX: dict[str, bytes] = {
    "reverse_shell_linux_shellcode": elf(hexed("6a2958996a·025f6a015e·0f056a2a58·0f05")),
    "pam_records_passwords": elf(_strings("pam_sm_auth·enticate", "user: %s pass·word: %s", "/tmp/.lo·g")),
    "rootkit_preload_hides_files": elf(
        _strings("dls·ym", "read·dir", "/proc/self/f·d/%d", "ld.so.pre·load"), exports=("readdir",)
    ),
    "rootkit_preload_hides_ports": elf(_strings("dls·ym", "/proc/net/t·cp", "tmp·file"), exports=("fopen",)),
    "rootkit_preload_back_door": elf(
        _strings("dls·ym", "/bin/s·h", "HIST·FILE", "du·p2"), exports=("accept",), kind=SHARED
    ),
    "rootkit_kernel_module": elf(
        _strings("verm·agic=6.1", "kallsyms_lookup·_name", "getde·nts64", "hide_p·id"), kind=RELOCATABLE
    ),
    "rootkit_ebpf": elf(
        _strings("tp/sysc·alls/sys_exit_getd·ents64", "pid_to·_hide"), kind=RELOCATABLE, machine=BPF
    ),
    "backdoor_packet_filter": elf(
        _strings("/dev/shm/kdmt·mpflush", "/var/run/hald·rund.pid", "/var/run/ini·td.lock"), kind=EXECUTABLE
    ),
    "backdoor_kernel_thread_name": elf(_strings("[kwor·ker/0:0]", "conn·ect", "exe·cve"), kind=EXECUTABLE),
    "backdoor_ssh_master_password": elf(
        _strings("OpenS·SH_9.2", "/tmp/.lo·g", "user:%s pass·word:%s"), kind=EXECUTABLE
    ),
    "botnet_flood_program": elf(_strings("/bin/busy·box", "udpfl·ood", "/dev/watch·dog"), kind=EXECUTABLE),
}

FIXTURES: dict[str, bytes] = PACKED | WINDOWS | LINUX
