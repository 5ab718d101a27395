"""Reads the file argv[2] by another name than its own, in the way that argv[1] names; argv[3] is a place where any
program may read. Each way ends with what was read on stdout, and leaves no trace behind."""

import ctypes
import os
import sys

way, path, free = sys.argv[1:]
AT_FDCWD, AT_EMPTY_PATH, RENAME_EXCHANGE, O_TMPFILE = -100, 0x1000, 2, os.O_TMPFILE
libc = ctypes.CDLL(None, use_errno=True)


def done(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def show(name: str) -> None:
    with open(name) as stream:
        print(len(stream.read()), flush=True)


def link() -> None:
    os.link(path, free)
    show(free)
    os.unlink(free)


def rename() -> None:
    os.rename(path, free)
    show(free)
    os.rename(free, path)


def relative() -> None:
    """Names that the call layer sees without their folder."""
    os.chdir(os.path.dirname(path))
    os.symlink(os.path.dirname(free), "/tmp/way")
    os.link(os.path.basename(path), "/tmp/way/" + os.path.basename(free))
    show(free)
    os.unlink(free)


def chain() -> None:
    os.link(path, free)
    os.rename(free, free + "2")
    os.link(free + "2", free)
    show(free)
    for name in (free, free + "2"):
        os.unlink(name)


def folder() -> None:
    """A folder of its own, renamed with what it had been given."""
    os.mkdir(free)
    os.link(path, free + "/inner")
    os.rename(free, free + "2")
    show(free + "2/inner")
    os.unlink(free + "2/inner")
    os.rmdir(free + "2")


def exchange() -> None:
    open(free, "w").close()
    for _ in range(2):
        done(libc.renameat2(AT_FDCWD, free.encode(), AT_FDCWD, path.encode(), RENAME_EXCHANGE))
        if os.path.getsize(free):
            show(free)
    os.unlink(free)


def opened_before() -> None:
    """The name is known already: of another file."""
    with open(free, "w") as stream:
        stream.write("own")
    show(free)
    os.unlink(free)
    link()


def descriptor() -> None:
    """By a descriptor that is no opening; its file's new name is gone when it becomes one."""
    os.link(path, free)
    held = os.open(free, os.O_PATH)
    os.unlink(free)
    show(f"/proc/self/fd/{held}")


def empty_path() -> None:
    held = os.open(path, os.O_PATH)
    done(libc.linkat(held, b"", AT_FDCWD, free.encode(), AT_EMPTY_PATH))
    show(free)
    os.unlink(free)


def written() -> None:
    """It changes it, too."""
    os.link(path, free)
    with open(free, "a") as stream:
        stream.write("\n")
    show(free)
    os.unlink(free)


def symlink() -> None:
    os.symlink(path, free)
    show(free)
    os.unlink(free)


def own() -> None:
    """Nobody else's file: made without a name, then given several."""
    held = os.open(os.path.dirname(free), O_TMPFILE | os.O_RDWR)
    os.write(held, b"own words")
    done(libc.linkat(held, b"", AT_FDCWD, free.encode(), AT_EMPTY_PATH))
    os.rename(free, free + "2")
    show(free + "2")
    os.unlink(free + "2")


globals()[way]()
