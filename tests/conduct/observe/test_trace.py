"""strace's lines, as it wrote them, and as nobody would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.conduct.observe.lineage import Anchor, Lineage, arguments_of, program_of, unescaped
from overt.conduct.observe.peers import addresses, socket_of
from overt.conduct.observe.trace import Called, Ended, Line, Superseded, TraceReader, command, split

WHOLE = [
    (
        rb'20    1795343373.590718 sendto(8<UNIX:[1743409->1743408]>, "{\"launcher\": 20}", 16, 0, NULL, 0) = 16',
        ("sendto", r'8<UNIX:[1743409->1743408]>, "{\"launcher\": 20}", 16, 0, NULL, 0', "16"),
    ),
    (
        rb"31385 1795341860.659994 fchmod(3</tmp/a) = \"\74b\76\n/y>, 0600) = 0",
        ("fchmod", r"3</tmp/a) = \"\74b\76\n/y>, 0600", "0"),
    ),
    (
        b'7 1795341860.000001 unlinkat(AT_FDCWD</x>, "a) = 0", 0) = -1 ENOENT (No such file or directory)',
        ("unlinkat", 'AT_FDCWD</x>, "a) = 0", 0', "-1 ENOENT (No such file or directory)"),
    ),
    (
        b"7 1795341860.000001 clone3({flags=CLONE_VM, exit_signal=0} => {parent_tid=[31386]}, 88) = 31386",
        ("clone3", "{flags=CLONE_VM, exit_signal=0} => {parent_tid=[31386]}, 88", "31386"),
    ),
    (
        b"7 1795341860.000001 ptrace(PTRACE_TRACEME)                   = -1 EPERM (Operation not permitted)",
        ("ptrace", "PTRACE_TRACEME", "-1 EPERM (Operation not permitted)"),
    ),
]


def read(*lines: bytes) -> tuple[list[Line], int]:
    reader = TraceReader()
    return list(reader.lines(lines)), reader.unreadable


@pytest.mark.parametrize("line,parts", WHOLE)
def test_whole_lines(line: bytes, parts: tuple[str, str, str]) -> None:
    (call,), unreadable = read(line)
    assert isinstance(call, Called) and unreadable == 0
    assert (call.name, call.arguments, call.result) == parts


def test_calls_of_threads_in_each_others_way() -> None:
    lines, unreadable = read(
        b"5 1.000001 vfork( <unfinished ...>",
        b'6 1.000002 execve("/bin/a", ["a"], 0x1 /* 2 vars */ <unfinished ...>',
        b"5 1.000003 <... vfork resumed>) = 6",
        b"6 1.000004 <... execve resumed>) = 0",
        b"6 1.000005 +++ exited with 3 +++",
        b"7 1.000006 connect(3<TCP:[12]>,  <unfinished ...>",
        b"7 1.000007 +++ killed by SIGKILL +++",
        b"8 1.000008 kill(1, SIGTERM <unfinished ...>",
    )
    assert unreadable == 0
    assert [(line.thread, line.at) for line in lines] == [
        (5, 1.000001),
        (6, 1.000002),
        (6, 1.000005),
        (7, 1.000006),
        (7, 1.000007),
        (8, 1.000008),
    ]
    assert [line.result for line in lines if isinstance(line, Called)] == ["6", "0", "?", "?"]
    assert [line.status for line in lines if isinstance(line, Ended)] == [3, -1]


def test_an_exec_of_another_thread() -> None:
    lines, unreadable = read(
        b'9 1.1 execve("/bin/echo", ["echo"], 0x7 /* 1 var */ <unfinished ...>',
        b"5 1.2 +++ superseded by execve in pid 9 +++",
        b"5 1.3 <... execve resumed>) = ?",
        b"5 1.4 +++ exited with 0 +++",
    )
    assert unreadable == 0
    assert lines[0] == Superseded(5, 1.2, 9)
    assert isinstance(lines[1], Called) and (lines[1].thread, lines[1].result) == (5, "0")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"5 1.0",
        b"5 1.0 open(",
        b"5 1.0 <... read resumed>) = 1",
        b"5 1.0 f(a b",
        b'5 1.0 f("a) = 1',
    ],
)
def test_what_is_no_line_of_strace_is_counted(line: bytes) -> None:
    assert read(line) == ([], 1)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    TraceReader().lines([data])
    list(TraceReader().lines([b"5 1.000001 f(" + data]))
    split(data)
    unescaped(data.decode("latin-1"))


@given(st.text(alphabet='ab"\\<>()[]{}=, /*', max_size=40))
def test_a_quoted_string_never_ends_a_call(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').encode()
    assert split(b'3, "' + quoted + b'", 0) = -1 EACCES (x)') == (
        b'3, "' + quoted + b'", 0',
        b"-1 EACCES (x)",
    )


def test_what_was_executed() -> None:
    def exec_(name: str, arguments: str) -> tuple[str, tuple[str, ...]]:
        call = Called(1, 1.0, name, arguments, "0")
        return program_of(call), arguments_of(call)

    assert exec_("execve", r'"/bin/a\"b", ["a", "\303\251"..., ...], 0x1 /* 3 vars */') == (
        '/bin/a"b',
        ("a", "é…", "…"),
    )
    assert exec_("execveat", '3</memfd:tool (deleted)>, "", ["tool"], NULL, AT_EMPTY_PATH') == (
        "/memfd:tool (deleted)",
        ("tool",),
    )
    assert exec_("execveat", '3</opt>, "run", NULL, NULL, 0')[0] == "/opt/run"


def test_destinations() -> None:
    text = (
        "4<UDPv6:[99]>, [{msg_hdr={msg_name={sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::ffff:198.18.0.9", &sin6_addr), sin6_scope_id=0}}}, '
        '{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("198.18.0.1")}}}], 2, 0'
    )
    assert addresses(text) == [("198.18.0.1", 443), ("198.18.0.9", 53)]
    assert socket_of(Called(1, 1.0, "sendmmsg", text, "2")) == ("udp", 99)
    assert socket_of(Called(1, 1.0, "listen", "3<TCP:[127.0.0.1:7001]>, 128", "0")) == ("tcp", 0)


def test_threads_and_processes_of_a_nested_namespace() -> None:
    """The lab counts 100 more than the product's namespace does; then the lab makes a process of its own: 101."""
    lines, unreadable = read(
        b'100 1.00 execve("/lab", ["lab"], NULL) = 0',
        b"100 1.10 clone(flags=SIGCHLD) = 101",
        b"101 1.20 clone(flags=SIGCHLD) = 2",
        b'102 1.30 execve("/bin/product", ["product"], NULL) = 0',
        b"102 1.40 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 3",
        b'103 1.50 connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("1.1.1.1")}, 16) = 0',
        b"102 1.60 vfork() = 4",
        b'105 1.70 execve("/bin/helper", ["helper"], NULL) = 0',
        b"105 1.80 +++ exited with 0 +++",
    )
    lineage = Lineage(lines, [Anchor(1.25, 100), Anchor(1.75, 101)], has_lab=True)
    product, thread, helper = (
        lineage.image(number, at) for number, at in ((102, 1.35), (103, 1.5), (105, 1.75))
    )
    assert unreadable == 0 and product is not None and helper is not None
    assert thread is product and product.program == "/bin/product"
    assert helper.before is not None and helper.before.before is product
    assert [
        lineage.is_lab(lineage.image(*at)) for at in ((100, 1.05), (101, 1.15), (102, 1.25), (102, 1.35))
    ] == [
        True,
        True,
        True,
        False,
    ]


FORKS = """
import os
if os.fork() == 0:
    for _ in range(1_000):
        os.getppid()
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("voluntary")), flush=True)
    print(os.environ.get("TZ"), flush=True)
    os._exit(0)
os.wait()
"""


def test_a_forked_process_is_not_stopped_at_calls_that_nobody_asked_for(tmp_path: Path) -> None:
    program = [*command(tmp_path / "trace.log"), sys.executable, "-c", FORKS]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=300)
    stops, zone = done.stdout.split()
    assert int(stops) < 100 and zone == "None", "and strace's own time zone is not the program's"
    with open(tmp_path / "trace.log", "rb") as stream:
        assert "getppid" not in {
            line.name for line in TraceReader().lines(stream) if isinstance(line, Called)
        }
