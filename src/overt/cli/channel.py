"""`overt channel`: keep a rule channel that everyone can check."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from overt.channel import bundle as bundles
from overt.channel.charter import NAME
from overt.channel.manifest import Revoked
from overt.channel.publisher import (
    build,
    change,
    deliveries,
    describe,
    founding,
    keeping,
    keys,
    online,
    posting,
    propose,
    publish,
    roles,
    sources,
    state,
)
from overt.channel.publisher import proposal as proposals
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.proposal import Missing, Proposal
from overt.channel.publisher.status import Status
from overt.channel.publisher.status import status as status_of
from overt.cli import asking, reaching
from overt.cli.given import content
from overt.cli.render import channel as rendering
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import UsageError
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.scan import reviewing
from overt.store import atomic


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    return ACTIONS[args.action](args)


def _desk(args: argparse.Namespace) -> Desk:
    return Desk(Path(args.folder), online.once(asking.asker(args)))


@contextmanager
def _reaching(args: argparse.Namespace) -> Iterator[Desk]:
    """The desk with a way to its witnesses."""
    desk = _desk(args)
    urls = () if args.by_hand else posting.witness_urls(desk)
    with reaching.witnesses(args, urls, desk.folder) as post:
        yield replace(desk, post=post)


def _key(args: argparse.Namespace) -> int:
    folder = Path(args.to)
    public = folder / f"{args.name}.pub"
    if public.exists():
        raise UsageError(f"{public} is there already: choose another name")
    if args.token:
        made = keys.token_public(args.name, args.token, asking.asker(args))
        say(f"token key {made.keyid[:8]}, signs with --key '{args.token}'")
    else:
        private = folder / f"{args.name}.pem"
        made = keys.generate(args.name, private, asking.chosen(args, str(private)))
        say(f"private key {private}: keep it on this machine, and a copy in a safe")
    atomic.write(public, made.encode(), 0o644)
    say(f"public key {public}, key ID {made.keyid}")
    note("hand the .pub file to whoever keeps the channel, and read the key ID to him over another line")
    return Exit.OK


def _init(args: argparse.Namespace) -> int:
    _check_team(args)
    plan = founding.Plan(
        channel=args.name,
        origin=args.origin,
        root_keys=[keys.read_public(path) for path in args.root_key],
        root_threshold=args.root_threshold,
        targets_keys=[keys.read_public(path) for path in args.targets_key],
        targets_threshold=args.targets_threshold,
        witnesses=_text(args.witnesses) if args.witnesses else "quorum none\n",
        development=args.development,
    )
    passphrase = None if args.development else asking.chosen(args, "the online keys")
    desk = _desk(args)
    proposed = founding.found(desk, plan, passphrase)
    for line in describe.lines(proposed):
        say(visible(line))
    _say_request(desk, proposals.missing(proposed))
    return Exit.OK


def _check_team(args: argparse.Namespace) -> None:
    """That everybody is named whom a channel needs. Raises `UsageError` before a passphrase is asked for."""
    given = {"--root-key": args.root_key, "--targets-key": args.targets_key, "--witnesses": args.witnesses}
    lacking = [option for option, value in given.items() if not value]
    if lacking and not args.development:
        raise UsageError(
            f"{', '.join(lacking)} missing: holders make their keys with 'overt channel key', witnesses are named in a "
            "C2SP tlog-policy; to try it alone: --development"
        )


def _build(args: argparse.Namespace) -> int:
    place, targets = _place(args)

    def review(texts: Sequence[RuleText]) -> Sequence[RuleReview]:
        return reviewing.run(texts, True, not args.unconfined).review.rules if texts else ()

    listed = _sources(args, targets)
    made = build.build(place.channel, place.serial, listed, review, place.revoked)
    for problem in made.problems:
        note(visible(str(problem)))
    if made.problems and not args.leave_out_broken:
        raise UsageError(
            f"what is broken is not published ({len(made.problems)} in all): repair it, or use --leave-out-broken"
        )
    atomic.write(Path(args.output), made.data, 0o644)
    counted = rendering.counted_bundle(made.manifest)
    say(f"{args.output}: {counted}, for release {place.serial} of {place.channel}")
    say(f"sha256 {made.sha256}")
    if args.keep_sources:
        kept = keeping.keep(args.keep_sources, place.serial, listed)
        say(f"sources {kept}: publish it for monitors, and name its folder to them")
    return Exit.OK


class _Place(NamedTuple):
    """What a bundle is built for, and what was revoked before it."""

    channel: str
    serial: int
    revoked: tuple[Revoked, ...]


def _place(args: argparse.Namespace) -> tuple[_Place, list[str]]:
    """From the channel's folder, or as anyone without it says; and the sources."""
    if args.channel is None:
        desk = Desk(Path(args.sources[0]), asking.asker(args))
        return _following(desk), args.sources[1:]
    if args.serial is None:
        raise UsageError("--channel goes with --serial: say which release to build")
    if not NAME.fullmatch(args.channel) or args.serial < 0:
        raise UsageError(
            f"no channel {args.channel!r} has a release {args.serial}: 'overt channel status' says both"
        )
    before = bundles.read(content(args.after)).manifest.revoked if args.after else ()
    return _Place(args.channel, args.serial, before), args.sources


def _following(desk: Desk) -> _Place:
    """The release that comes next."""
    with desk.locked():
        present = state.read(desk)
        root = present.root.signed if present else propose.read(desk, None).new_root
        newest = deliveries.newest(desk, present)
        serial = present.head.size if present else 0
        return _Place(roles.root_charter(root).channel, serial, newest.manifest.revoked if newest else ())


def _sources(args: argparse.Namespace, targets: list[str]) -> sources.Sources:
    if len(targets) == 1 and targets[0].endswith(".toml"):
        return sources.read(Path(targets[0]))
    if not targets:
        raise UsageError("nothing to build from: name rule files and folders, or a sources.toml")
    one = sources.Origin(args.part, tuple(targets), args.author, args.licence, args.origin, args.content)
    return sources.checked(sources.Sources((one,)))


def _publish(args: argparse.Namespace) -> int:
    bundle = content(args.bundle) if args.bundle else None
    with _reaching(args) as desk:
        outcome = publish.publish(desk, bundle, args.signed)
    if isinstance(outcome, publish.Waiting):
        _say_request(desk, outcome.missing)
        return Exit.ERROR
    for line in rendering.release(outcome.release):
        say(line)
    note(f"serve {desk.public} as static files")
    return Exit.OK


def _sign(args: argparse.Namespace) -> int:
    request = content(args.request)
    proposed = proposals.parse(request, args.request)
    for line in describe.lines(proposed):
        say(visible(line))
    if args.bundle:
        for line in describe.bundle_lines(proposed, content(args.bundle)):
            say(visible(line))
    if not args.yes and not asking.agreed("sign this?"):
        note("nothing was signed")
        return Exit.ERROR
    given = proposals.sign(proposed, [keys.signer(args.key, asking.asker(args))])
    target = Path(args.to or f"{given[0].keyid[:8]}.signatures.json")
    atomic.write(target, proposals.answer(given), 0o644)
    say(f"signed {', '.join(one.role for one in given)}: send {target} back")
    return Exit.OK


def _renew(args: argparse.Namespace) -> int:
    with _reaching(args) as desk:
        present = publish.renew(desk)
    expires = present.timestamp.signed.expires
    say(f"timestamp {present.timestamp.signed.version}, good until {expires:%Y-%m-%d %H:%M} UTC")
    for line in rendering.soon(status_of(desk), desk.now()):
        note(line)
    return Exit.OK


def _rotate(args: argparse.Namespace) -> int:
    desk = _desk(args)
    rotation = change.Rotation(
        add_root=[keys.read_public(path) for path in args.add_root_key],
        add_targets=[keys.read_public(path) for path in args.add_targets_key],
        remove=args.remove,
        root_threshold=args.root_threshold,
        targets_threshold=args.targets_threshold,
        witnesses=_text(args.witnesses) if args.witnesses else None,
        new_keys=args.new_key,
    )
    return _proposed(desk, change.propose_rotation(desk, rotation, _passphrase(desk)))


def _revoke(args: argparse.Namespace) -> int:
    desk = _desk(args)
    if args.rule:
        return _proposed(desk, change.propose_removal(desk, args.rule, args.reason or ""))
    instead = keys.read_public(args.instead) if args.instead else None
    return _proposed(desk, change.propose_revocation(desk, args.key, instead, _passphrase(desk)))


def _proposed(desk: Desk, proposed: Proposal) -> int:
    for line in describe.lines(proposed):
        say(visible(line))
    for target in proposed.targets.signed.targets.values() if proposed.targets else ():
        if (kept := deliveries.kept(desk, target.hashes["sha256"])).exists():
            note(f"holders of targets keys can look at the bundle: {kept}")
    _say_request(desk, proposals.missing(proposed))
    return Exit.OK


def _status(args: argparse.Namespace) -> int:
    desk = _desk(args)
    found: Status = status_of(desk)
    if args.json:
        say(rendering.as_json(found))
    else:
        for line in rendering.status(found, desk.now()):
            say(visible(line))
    return Exit.ERROR if rendering.overdue(found, desk.now()) else Exit.OK


def _say_request(desk: Desk, missing: Iterable[Missing]) -> None:
    lacking = tuple(missing)
    for one in lacking:
        say(visible(f"signatures missing: {one}"))
    if lacking:
        note(
            f"send {propose.request_file(desk)} to the holders: each runs 'overt channel sign', and what they send"
        )
        note(f"back goes in with 'overt channel publish {desk.folder} --signed FILE …'")
    else:
        note(f"all signatures are there: 'overt channel publish {desk.folder}' publishes")


def _passphrase(desk: Desk) -> str | None:
    """That of the online keys, proven by opening one; None in a channel whose keys have none."""
    desk.check_founded()
    return online.passphrase(desk.keys, desk.ask)


def _text(path: Path) -> str:
    return content(path).decode("utf-8", "surrogateescape")


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "key": _key,
    "init": _init,
    "build": _build,
    "publish": _publish,
    "sign": _sign,
    "renew": _renew,
    "rotate": _rotate,
    "revoke": _revoke,
    "status": _status,
}
