"""Calls by which a product may hide, as strace tells them; and those that only look so."""

from __future__ import annotations

import pytest

from overt.conduct.evidence.records import Blind, Call
from overt.conduct.observe.blinding import NETWORKING, attempts

REFUSED, DONE = "-1 EPERM (Operation not permitted)", "0"
HEAD = "nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK, nlmsg_seq=0, nlmsg_pid=0}"


def told(name: str, arguments: str, result: str = DONE, **given: object) -> list[Blind]:
    call = Call(at_s=1.0, process=1, step=1, name=name, arguments=arguments, result=result)
    return attempts([call], **given)  # type: ignore[arg-type]


def netlink(*messages: str) -> str:
    return f"3<NETLINK:[6543688]>, {{msg_name=NULL, msg_iov=[{{iov_base=[{', '.join(messages)}]}}]}}, 0"


def raw(kind: int, payload: str, length: int = 48) -> str:
    """A message of which strace could not tell to whom it goes."""
    shown = "".join(f"\\x{byte}" for byte in payload.split())
    return f'[{{nlmsg_len={length}, nlmsg_type={kind:#x} /* NLMSG_??? */, {HEAD}, "{shown}"]'


def named(kind: str) -> str:
    return f"[{{nlmsg_len=32, nlmsg_type={kind}, {HEAD}, {{ifi_family=AF_UNSPEC, ifi_index=1}}]"


BEGIN, END = raw(0x10, "00 00 00 0a", 20), raw(0x11, "00 00 00 0a", 20)
SETS = [
    netlink(BEGIN, raw(0xA02, "00 00 00 00", 20), END),  # nft flush ruleset
    netlink(BEGIN, raw(0xA06, "02 00 00 00"), END),  # a new rule
    netlink(raw(0x10, "00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00", 32)),  # ip link set lo down
    netlink(raw(0x18, "02 00 00 00 fe 03 00 01 00 00 00 00")),  # ip route add default
    netlink(raw(0x19, "0a 40 00 00 fe 03 00 01 00 00 00 00")),
    netlink(named("RTM_GETLINK"), named("RTM_NEWLINK")),
    netlink(named("RTM_DELADDR")),
    netlink(named("NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_DELTABLE")),
]
ASKS = [
    netlink(raw(0x12, "00 00 00 00 08 00 1d 00 01 00 00 00")),  # ip address
    netlink(raw(0x16, "00 00 00 00", 24)),
    netlink(raw(0x14, "02 06 00 00 ff ff ff ff", 72)),  # ss
    netlink(raw(0x10, "03 01 00 00 06 00 01 00", 36)),  # generic netlink: who is it?
    netlink(raw(0x18, "02 01 00 00 08 00 01 00")),  # taskstats
    netlink(BEGIN, raw(0xA01, "00 00 00 00", 20), END),  # nft list tables
    netlink(named("RTM_GETROUTE")),
    netlink(named("NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_GETRULE")),
    SETS[0].replace("NETLINK", "TCP"),
]


@pytest.mark.parametrize("arguments", SETS)
def test_changing_the_network_is_an_attempt_that_hides_nothing(arguments: str) -> None:
    (found,) = told("sendmsg", arguments)
    assert found.attempt and found.defeated and "firewall" in found.what
    (known,) = told("sendmsg", arguments, declared=NETWORKING)
    assert not known.attempt and known.defeated


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sendto", '3<RAW:[12389636]>, "E\\0\\0 ", 32, 0, {sa_family=AF_INET, sin_port=htons(0)}, 16'),
        ("sendmsg", "3<RAWv6:[12389636]>, {msg_name=NULL, msg_iov=[]}, 0"),
        ("connect", "3<RAW:[12389636]>, {sa_family=AF_INET, sin_port=htons(0)}, 16"),
        ("bind", "4<PACKET:[12389637]>, {sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL)}, 20"),
        ("sendto", '3<PING:[12389636]>, "\\10\\0", 8, 0, {sa_family=AF_INET, sin_port=htons(0)}, 16'),
    ],
)
def test_packets_of_ones_own_are_told_as_not_searched(name: str, arguments: str) -> None:
    (blind,) = told(name, arguments, "32", declared=NETWORKING)
    assert not blind.attempt and not blind.defeated and blind.at_s == 1.0
    assert "raw socket" in blind.what
    assert told(name, arguments, REFUSED) == []
    assert told(name, arguments.replace(arguments[2:].partition(":")[0], "UDP", 1), "32") == []


@pytest.mark.parametrize("arguments", ASKS)
def test_asking_about_the_network_is_none(arguments: str) -> None:
    assert told("sendmsg", arguments) == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fanotify_init", "FAN_CLASS_NOTIF, O_RDONLY"),
        ("process_vm_readv", "1, [{iov_base=0x1, iov_len=8}], 1, [{iov_base=0x1, iov_len=8}], 1, 0"),
        ("pidfd_getfd", "4<anon_inode:[pidfd]>, 3, 0"),
    ],
)
def test_what_only_a_refusal_tells(name: str, arguments: str) -> None:
    """An on-access scanner that may watch is no spy on its observers."""
    (found,) = told(name, arguments, REFUSED)
    assert found.attempt and found.defeated
    assert told(name, arguments, "3<anon_inode:[fanotify]>") == []
    assert told(name, arguments, "-1 ENOSYS (Function not implemented)") == []


@pytest.mark.parametrize(
    ("name", "arguments", "is_attempt"),
    [
        ("mknodat", 'AT_FDCWD</root>, "/tmp/vda", S_IFBLK|0600, makedev(0xfe, 0)', True),
        ("mknod", '"/tmp/mem", S_IFCHR|0600, makedev(0x1, 0x1)', True),
        ("mknod", '"/tmp/whiteout", S_IFCHR|0600, makedev(0, 0)', False),
        ("mknod", '"/tmp/pipe", S_IFIFO|0600', False),
        ("chroot", '"/proc/1/root"', True),
        ("chroot", '"/var/empty"', False),
    ],
)
def test_devices_and_roots(name: str, arguments: str, is_attempt: bool) -> None:
    assert bool(told(name, arguments, REFUSED)) is is_attempt
