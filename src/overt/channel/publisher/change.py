"""Changing who may sign and what is published: rotation and revocation, as proposals that their holders sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata

from overt.channel import bundle, layout, manifest
from overt.channel.bundle import Bundle
from overt.channel.charter import Charter
from overt.channel.manifest import Revoked, Rule
from overt.channel.publisher import deliveries, online, propose, roles, state
from overt.channel.publisher.build import TOOL, rule_file
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.founding import log_policy
from overt.channel.publisher.keys import PublicKey, holder_of
from overt.channel.publisher.proposal import Proposal
from overt.channel.publisher.roles import Quorum, Roles
from overt.channel.publisher.state import State
from overt.core.errors import ChannelError
from overt.rules.yara_source import split
from overt.tlog import policy_file
from overt.tlog.policy import Policy

ONLINE = ("snapshot", "timestamp", "log")


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a new root changes; None and empty: as it is. The timestamp key changes with every root."""

    add_root: Sequence[PublicKey] = ()
    add_targets: Sequence[PublicKey] = ()
    remove: Sequence[str] = ()
    """Holders' names or beginnings of key IDs, root and targets."""
    root_threshold: int | None = None
    targets_threshold: int | None = None
    witnesses: str | None = None
    """A c2sp.org/tlog-policy without its log line."""
    new_keys: Sequence[str] = ()
    """Online roles that get a new key: `snapshot`, `log`."""


def propose_rotation(desk: Desk, rotation: Rotation, passphrase: str | None) -> Proposal:
    """Propose the next root, and targets anew when their keys change; `passphrase` is that of the online keys.

    Raises `ChannelError` for names that no key has and thresholds that can't be met.
    """
    with desk.locked():
        present = _present(desk)
        old = roles.roles_of(present.root.signed)
        _check_names(rotation.remove, old)
        wanted = Roles(
            root=_changed(old.root, rotation.add_root, rotation.remove, rotation.root_threshold),
            targets=_changed(old.targets, rotation.add_targets, rotation.remove, rotation.targets_threshold),
            snapshot=_online(desk, "snapshot", passphrase)
            if "snapshot" in rotation.new_keys
            else old.snapshot,
            timestamp=_online(desk, "timestamp", passphrase),
        )
        charter = replace(present.charter, policy=_policy(desk, present.charter, rotation, passphrase))
        version = present.root.signed.version + 1
        root = roles.make_root(version, wanted, charter, desk.now())
        proposed = replace(propose.read(desk, present), root=Metadata(root))
        if wanted.targets != old.targets:
            proposed = propose.with_same_targets(proposed, present, desk)
        return _kept(desk, proposed)


def propose_revocation(desk: Desk, key: str, instead: PublicKey | None, passphrase: str | None) -> Proposal:
    """Propose a root without `key`: a holder's name, the beginning of a key ID, or `snapshot`, `timestamp`, `log`.

    `instead` takes its places. Raises `ChannelError` when too few keys would be left.
    """
    if key in ONLINE:
        return propose_rotation(desk, Rotation(new_keys=(key,)), passphrase)
    root = roles.roles_of(_present(desk).root.signed)
    added = (instead,) if instead else ()
    return propose_rotation(
        desk,
        Rotation(
            add_root=added if _of(key, root.root) else (),
            add_targets=added if _of(key, root.targets) else (),
            remove=(key,),
        ),
        passphrase,
    )


def propose_removal(desk: Desk, rule: str, reason: str) -> Proposal:
    """Propose the newest bundle without `rule`, with the reason in its manifest. Raises `ChannelError`."""
    if not reason.strip():
        raise ChannelError("say why the rule is revoked: users will read it")
    with desk.locked():
        present = _present(desk)
        contents = deliveries.newest(desk, present)
        if contents is None:
            raise ChannelError("the newest release has no bundle of rules")
        data = without_rule(contents, Revoked(rule, present.head.size, reason))
        deliveries.keep(desk, data)
        proposed = propose.with_bundles(propose.read(desk, present), present, {layout.TARGET: data}, desk)
        return _kept(desk, proposed)


def without_rule(contents: Bundle, revoked: Revoked) -> bytes:
    """The bundle without the rule and those that need it, for release `revoked.serial`. Raises `ChannelError`."""
    names = {rule.file for rule in contents.manifest.rules if rule.name == revoked.rule}
    if not names:
        raise ChannelError(f"no rule of the newest bundle is called {revoked.rule!r}")
    files = dict(contents.files)
    rules = [rule for rule in contents.manifest.rules if rule.file not in names]
    for path in names:
        before = {rule.name: rule for rule in contents.manifest.rules if rule.file == path}
        text = files.pop(path).decode()
        file = rule_file(split(path, text), text, {revoked.rule})
        if file.rules:
            files[path] = file.text.encode()
            rules.extend(_moved(before[rule.name], line) for line, rule in file.rules)
    return bundle.build(
        manifest.Manifest(
            schema=manifest.SCHEMA,
            channel=contents.manifest.channel,
            serial=revoked.serial,
            tool=TOOL,
            parts=contents.manifest.parts,
            rules=tuple(sorted(rules, key=lambda rule: (rule.file, rule.line, rule.name))),
            hashes=contents.manifest.hashes,
            revoked=(*contents.manifest.revoked, revoked),
        ),
        files,
    )


def _moved(rule: Rule, line: int) -> Rule:
    return Rule(**{**{name: getattr(rule, name) for name in rule.__struct_fields__}, "line": line})


def _present(desk: Desk) -> State:
    found = state.read(desk)
    if found is None:
        raise ChannelError(
            f"nothing is published yet: to change the plan, remove {desk.folder} and begin again with "
            "'overt channel init'"
        )
    return found


def _kept(desk: Desk, proposed: Proposal) -> Proposal:
    proposed = propose.signed_here(proposed, desk)
    propose.write(desk, proposed)
    return proposed


def _changed(
    role: Quorum, added: Sequence[PublicKey], removed: Sequence[str], threshold: int | None
) -> Quorum:
    kept = [key for key in role.keys if not any(_is(name, key) for name in removed)]
    new = [key.named() for key in added if key.keyid not in {one.keyid for one in kept}]
    return Quorum((*kept, *new), role.threshold if threshold is None else threshold)


def _is(name: str, key: Key) -> bool:
    return name == holder_of(key) or (len(name) >= 8 and key.keyid.startswith(name))


def _of(name: str, role: Quorum) -> bool:
    return any(_is(name, key) for key in role.keys)


def _check_names(names: Sequence[str], old: Roles) -> None:
    for name in names:
        if not _of(name, old.root) and not _of(name, old.targets):
            known = ", ".join(sorted({holder_of(key) for key in (*old.root.keys, *old.targets.keys)}))
            raise ChannelError(f"no root or targets key is called {name!r}: there are {known}")


def _online(desk: Desk, role: str, passphrase: str | None) -> Quorum:
    return roles.quorum([online.make(desk.keys, role, passphrase)], 1)


def _policy(desk: Desk, charter: Charter, rotation: Rotation, passphrase: str | None) -> str:
    """The log policy of the new root. A new log key replaces the old one; both sign for as long as both are kept."""
    present = state.policy_of(charter)
    witnesses = rotation.witnesses
    if witnesses is None:
        without = Policy((), present.witnesses, present.groups, present.quorum)
        witnesses = policy_file.encode(without).decode("utf-8", "surrogateescape")
    log_key = present.logs[0].key.encode()
    if "log" in rotation.new_keys:
        log_key = online.log_key(online.make(desk.keys, "log", passphrase), charter.origin)
    return log_policy(log_key, witnesses, charter.development)
