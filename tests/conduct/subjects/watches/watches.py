"""A control subject that looks at files as others open them (fanotify(7)), and refuses those with malware test files.

python3 watches.py FOLDER
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

CLOEXEC, CLASS_CONTENT, MARK_ADD = 0x1, 0x4, 0x1
OPEN_PERM, ON_CHILD = 0x1_0000, 0x800_0000
ALLOW, DENY = 1, 2
AT_FDCWD = -100
EVENT = struct.Struct("=IBBHQii")
DETECTION = b"EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE"
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    group = _libc.fanotify_init(CLASS_CONTENT | CLOEXEC, os.O_RDONLY | os.O_CLOEXEC)
    if group < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    mask = ctypes.c_uint64(OPEN_PERM | ON_CHILD)
    for folder, _, _ in os.walk(sys.argv[1]):
        if _libc.fanotify_mark(group, MARK_ADD, mask, AT_FDCWD, os.fsencode(folder)) < 0:
            raise OSError(ctypes.get_errno(), folder)
    if os.fork():  # it is ready: whoever started it goes on
        return 0
    os.setsid()
    while True:
        data = os.read(group, 4096)
        for at in range(0, len(data), EVENT.size):
            *_, descriptor, _ = EVENT.unpack_from(data, at)
            held = DETECTION in os.pread(descriptor, 1 << 20, 0)
            os.write(group, struct.pack("=iI", descriptor, DENY if held else ALLOW))
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
