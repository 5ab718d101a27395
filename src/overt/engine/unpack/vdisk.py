"""Disks of virtual machines: each holds one child, the disk's own bytes, whose partitions are read in turn."""

from __future__ import annotations

from pybit7z import FormatQcow, FormatVDI, FormatVhd, FormatVhdx, FormatVMDK

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_VHD_FOOTER_BYTES = 512
_VHD = b"conectix"


def _is_vhd(data: bytes) -> bool:
    """The footer, or its copy that dynamic disks start with."""
    return data.startswith(_VHD) or data[-_VHD_FOOTER_BYTES:].startswith(_VHD)


FORMATS = (
    Format("vhd", "Virtual PC disks", sniff=_is_vhd, unpack=reads(FormatVhd)),
    Format("vhdx", "Hyper-V disks", (Magic(0, b"vhdxfile"),), unpack=reads(FormatVhdx)),
    Format("vmdk", "VMware disks", (Magic(0, b"KDMV"), Magic(0, b"COWD")), unpack=reads(FormatVMDK)),
    Format("vdi", "VirtualBox disks", (Magic(64, b"\x7f\x10\xda\xbe"),), unpack=reads(FormatVDI)),
    Format("qcow", "QEMU disks, versions 1 to 3", (Magic(0, b"QFI\xfb\0\0\0"),), unpack=reads(FormatQcow)),
)
