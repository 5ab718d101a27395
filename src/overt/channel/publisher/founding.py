"""The beginning of a channel: its folder, its online keys, and the first root, which waits for its holders."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuf.api.metadata import Metadata

from overt.channel.charter import NAME, Charter
from overt.channel.publisher import online, propose, roles
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.keys import PublicKey
from overt.channel.publisher.proposal import Proposal
from overt.channel.publisher.roles import Roles
from overt.core.errors import ChannelError, Malformed
from overt.store import atomic
from overt.tlog import policy_file
from overt.tlog.note import check_name
from overt.tlog.policy import Policy


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new channel is to be. `witnesses`: a c2sp.org/tlog-policy without its log line."""

    channel: str
    origin: str
    root_keys: Sequence[PublicKey] = ()
    root_threshold: int = 3
    targets_keys: Sequence[PublicKey] = ()
    targets_threshold: int = 2
    witnesses: str = "quorum none\n"
    development: bool = False


def found(desk: Desk, plan: Plan, passphrase: str | None) -> Proposal:
    """Make the channel's folder; all of it is there afterwards, or nothing is. `passphrase` is for the online keys;
    only a development channel has none, and keeps its root and targets keys in the folder too.

    Raises `ChannelError` for a plan that can't be kept, `Malformed` for a policy that is none.
    """
    _check(plan, passphrase)
    if desk.keys.exists():
        raise ChannelError(f"{desk.folder} holds a channel already: 'overt channel status' shows it")
    desk.folder.parent.mkdir(parents=True, exist_ok=True)
    work = desk.folder.with_name(f".{desk.folder.name}.{secrets.token_hex(6)}.new")
    try:
        proposed = _fill(replace(desk, folder=work), plan, passphrase)
        if desk.folder.is_dir():
            desk.folder.rmdir()
        os.rename(work, desk.folder)
    except OSError as error:
        raise ChannelError(f"{desk.folder}: {error.strerror}: choose a new folder") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    atomic.sync_folder(desk.folder.parent)
    return proposed


def _check(plan: Plan, passphrase: str | None) -> None:
    if not NAME.fullmatch(plan.channel):
        raise ChannelError(f"{plan.channel!r} can't name a channel: use small letters, digits and '-'")
    try:
        check_name(plan.origin)
    except Malformed as error:
        raise ChannelError(f"the log's origin: {error}") from None
    if "://" in plan.origin:
        raise ChannelError(f"origin {plan.origin!r}: leave the scheme out, as in 'rules.example.org/acme'")
    if passphrase is None and not plan.development:
        raise ChannelError("the online keys need a passphrase; only a development channel has none")
    if plan.development and (plan.root_keys or plan.targets_keys):
        raise ChannelError("a development channel makes its own keys: leave the holders' keys out")


def _fill(desk: Desk, plan: Plan, passphrase: str | None) -> Proposal:
    desk.create()
    made = {role: online.make(desk.keys, role, passphrase) for role in ("snapshot", "timestamp", "log")}
    chosen = plan
    if plan.development:
        own = {role: online.make(desk.keys, role, passphrase) for role in ("root", "targets")}
        chosen = replace(
            plan,
            root_keys=[own["root"]],
            root_threshold=1,
            targets_keys=[own["targets"]],
            targets_threshold=1,
        )
    policy = log_policy(online.log_key(made["log"], plan.origin), plan.witnesses, plan.development)
    wanted = Roles(
        root=roles.quorum(chosen.root_keys, chosen.root_threshold),
        targets=roles.quorum(chosen.targets_keys, chosen.targets_threshold),
        snapshot=roles.quorum([made["snapshot"]], 1),
        timestamp=roles.quorum([made["timestamp"]], 1),
    )
    charter = Charter(plan.channel, plan.origin, plan.development, policy)
    root = Metadata(roles.make_root(1, wanted, charter, desk.now()))
    proposed = propose.signed_here(Proposal(root=root), desk)
    propose.write(desk, proposed)
    return proposed


def log_policy(log_key: str, witnesses: str, development: bool) -> str:
    """The policy in its plain form: this log's key and the given witnesses. Raises `ChannelError`, `Malformed`."""
    try:
        # the log line last, so that a mistake has the line number that it has in the file
        found = policy_file.parse(f"{witnesses}\nlog {log_key}\n".encode())
    except Malformed as error:
        raise ChannelError(f"witnesses: {error}") from None
    if len(found.logs) != 1:
        raise ChannelError("witnesses: leave the log line out, the log's key is made here")
    if not found.overlap and not development:
        raise ChannelError(
            "witnesses: two quorums need not share a witness, so the log could be shown in two versions: "
            "ask for more than half of them (3 of 4 tolerates one faulty witness)"
        )
    return policy_file.encode(Policy(found.logs, found.witnesses, found.groups, found.quorum)).decode()
