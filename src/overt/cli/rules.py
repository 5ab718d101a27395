"""`overt rules`: what is looked for on this machine, and where it came from."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from overt import __version__
from overt.channel.client.standing import Origin, origins
from overt.cli import costs, history, review
from overt.cli.overwrite import empty, identities, open_whole
from overt.cli.quantities import counted
from overt.cli.render.channels import objection_text
from overt.cli.voice import Exit, capable, note, say, styled, visible
from overt.core.errors import UsageError
from overt.engine.pack import Pack, RuleRecord, rule_texts
from overt.rules import added, gather, subscribed
from overt.rules.active import BASE, LICENCE, forget, load_active, load_hashes
from overt.rules.intake import Intake
from overt.rules.yara_source import Problem
from overt.scan.building import builder
from overt.store.paths import paths

EXAMPLES = """examples:
  overt rules add ~/signature-base --licence DRL-1.1
  overt rules add bad-hashes.csv --name our-hashes --author "incident team"
  overt rules add daily.cvd --report left-out.txt
  overt rules info eicar_test_file
  overt rules list base
  overt rules list --cost
  overt rules test my.yar --against ~/Downloads
  overt rules review my.yar
  overt rules history Webshell_Upload --monitor https://monitor.example.org/acme

adds YARA files, hash lists (plain, CSV, sha256sum style), ClamAV .hdb .hsb .mdb .msb .ndb .ldb .cvd .cld,
STIX 2.1 bundles and MISP events; folders, zips and tarballs of them"""
SHOWN_PROBLEMS = 10
PROGRESS_AFTER_S = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    """The eight actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    listing = actions.add_parser("list", help="one line per rule set, or per rule of one set")
    listing.add_argument("name", nargs="?", metavar="NAME", help="a set whose rules are listed")
    listing.add_argument("--cost", action="store_true", help="measure what each set, or each rule, costs")
    _add_against(listing)
    listing.set_defaults(act=_list)
    adding = actions.add_parser("add", help="add rules or hashes from files, folders or archives")
    adding.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, folder or archive of rules or hashes"
    )
    adding.add_argument("--name", help="what the set is called (default: after the first path)")
    adding.add_argument(
        "--licence", default="", help="shown in findings of rules that name no licence themselves"
    )
    adding.add_argument(
        "--author", default="", help="shown in findings of rules that name no author themselves"
    )
    adding.add_argument(
        "--report", metavar="FILE", help="write everything that was not carried over, and why, to FILE"
    )
    adding.set_defaults(act=_add)
    removing = actions.add_parser("remove", help="remove an added set")
    removing.add_argument("name", metavar="NAME", help="the set")
    removing.set_defaults(act=_remove)
    informing = actions.add_parser("info", help="show a set, or a rule with its text and what it costs")
    informing.add_argument("name", metavar="NAME", help="a set or a rule")
    informing.add_argument(
        "--cost", action="store_true", help="of a set: measure every rule and show the most expensive ones"
    )
    _add_against(informing)
    informing.set_defaults(act=_info)
    testing = actions.add_parser("test", help="check rules without adding them, and see what they cost")
    testing.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, folder or archive of rules or hashes"
    )
    testing.add_argument(
        "--against", action="append", default=[], metavar="PATH", help="time each rule on these files"
    )
    testing.add_argument("--report", metavar="FILE", help="write every problem to FILE")
    testing.set_defaults(act=_test)
    reviewing = actions.add_parser("review", help="find rules that look for people instead of malware")
    review.configure(reviewing)
    telling = actions.add_parser(
        "history", help="say when a rule appeared, what became of it, and who signed it"
    )
    history.configure(telling)
    rebuilding = actions.add_parser("rebuild", help="compile all rules anew")
    rebuilding.set_defaults(act=_rebuild)


def _add_against(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="PATH",
        help="measure costs on these files (default: files of the Python that runs this; may be repeated)",
    )


def run(args: argparse.Namespace) -> int:
    """Do the action. Returns the exit code."""
    try:
        return int(args.act(args))
    except BrokenPipeError:
        raise
    except OSError as error:
        place = visible(str(error.filename or paths().data))
        raise UsageError(
            f"{place}: {error.strerror}: check that you may write there and that there is room"
        ) from error


def _list(args: argparse.Namespace) -> int:
    pack = load_active(Progress(), builder())
    data = paths().data
    _check_against(args, args.cost)
    if args.name:
        return _list_rules(args, pack)
    rules = {BASE: 0}
    for record in pack.records.values():
        rules[record.pack] = rules.get(record.pack, 0) + 1
    sample = costs.sample_for(args.against) if args.cost else None
    header = f"{'ms/MB':>8}  " if sample else ""
    say(styled(f"{'name':<20} {'rules':>8} {'hashes':>12}  {header}{'licence':<14} origin", "bold"))
    for name in (BASE, *added.names(data)):
        stored = _base() if name == BASE else added.read(data, name)
        price = f"{sample.of_set(name):>8.2f}  " if sample else ""
        licence = visible(stored.licence or "-")
        say(
            f"{name:<20} {rules.get(name, 0):>8,} {stored.hashes:>12,}  {price}{licence:<14} "
            f"{visible(stored.origin)}"
        )
    for one in subscribed.read_index(data).channels:
        _say_channel(one, rules.get(one.pack, 0), measured=sample is not None)
    if sample:
        note(f"measured on {sample.what}; hashes cost the same however many there are")
    return Exit.OK


def _say_channel(one: subscribed.Subscription, rules: int, measured: bool) -> None:
    """A channel's rules as a set; what they cost is not measured, since only a confined worker compiles them."""
    hashes = one.current.hashes if one.current else 0
    price = f"{'-':>8}  " if measured else ""
    origin = f"release {one.current.serial} of {one.url}" if one.current else f"nothing yet from {one.url}"
    say(f"{one.name:<20} {rules:>8,} {hashes:>12,}  {price}{'per rule':<14} channel: {visible(origin)}")


def _check_against(args: argparse.Namespace, measuring: bool) -> None:
    if args.against and not measuring:
        raise UsageError("--against says what to measure costs on: give --cost too")


def _list_rules(args: argparse.Namespace, pack: Pack) -> int:
    """One line per rule of a set; with --cost the most expensive ones first."""
    channel = subscribed.read_index(paths().data).get(args.name)
    if args.name != BASE and not channel:
        added.read(paths().data, args.name)
    if args.cost and channel:
        raise UsageError(
            "rules of channels are compiled in confined workers only: what they cost is not measured"
        )
    if args.cost:
        sample = costs.sample_for(args.against)
        costs.say_most_expensive(costs.sources_of(args.name), sample, None)
        return Exit.OK
    wanted = channel.pack if channel else args.name
    found = [record for record in pack.records.values() if record.pack == wanted]
    width = max((len(visible(record.name)) for record in found), default=0)
    for record in found:
        say(f"{visible(record.name):<{width}}  {record.severity:<8}  {visible(record.description)}".rstrip())
    return Exit.OK


def _base() -> added.Added:
    """The base pack as if it had been added."""
    return added.Added(BASE, "Overt", LICENCE, f"comes with overt {__version__}")


def _add(args: argparse.Namespace) -> int:
    name = added.valid_name(args.name or _name_for(args.paths[0]))
    wanted = added.Added(name, args.author, args.licence, ", ".join(args.paths))
    with ReportFile(args.report, args.paths) as report:
        stored, intake = added.store(paths().data, wanted, partial(gather.gather, args.paths))
        report.write(intake.problems)
    load_active(Progress(), builder())
    for fact in stored.notes:
        note(visible(fact))
    _tell_problems(intake.problems, "not carried over", args.report)
    what = _carried(intake)
    say(f"added {name}: {what}")
    return Exit.OK


def _remove(args: argparse.Namespace) -> int:
    if args.name == BASE:
        raise UsageError("the base pack comes with Overt and cannot be removed")
    added.remove(paths().data, args.name)
    load_active(Progress(), builder())
    say(f"removed {args.name}")
    return Exit.OK


def _info(args: argparse.Namespace) -> int:
    data = paths().data
    pack = load_active(Progress(), builder())
    keys = [key for key, record in pack.records.items() if args.name in (record.name, key)]
    if args.name in added.names(data):
        _say_set(added.read(data, args.name), pack)
    elif args.name == BASE:
        _say_set(_base(), pack)
    elif args.name in (channels := {one.channel: one for one in origins(data).values()}):
        _say_facts(_origin_facts(channels[args.name]))
    elif not keys:
        raise UsageError(f"no rule or rule set is called {args.name!r}: 'overt rules list' shows the sets")
    texts = rule_texts(pack) if keys else {}
    own = {BASE, *added.names(data)}
    if args.cost and not keys and args.name not in own:
        raise UsageError(
            "rules of channels are compiled in confined workers only: what they cost is not measured"
        )
    measured = [key for key in keys if pack.records[key].pack in own]
    _check_against(args, bool(measured) or args.cost)
    sample = costs.sample_for(args.against) if measured or args.cost else None
    for key in keys:
        record = pack.records[key]
        price = sample.of_rule(record) if sample and key in measured else ""
        _say_rule(record, texts.get(key, ""), price, origins(data).get(record.pack))
    if args.cost and sample and not keys:
        costs.say_most_expensive(costs.sources_of(args.name), sample)
    return Exit.OK


def _origin_facts(origin: Origin) -> tuple[tuple[str, str], ...]:
    return (
        ("channel", f"{origin.channel}, from {origin.url}"),
        ("warning", origin.warning),
        *(("not passed", f"{one.name}: {objection_text(one)}") for one in origin.objections.values()),
    )


def _test(args: argparse.Namespace) -> int:
    with (
        ReportFile(args.report, [*args.paths, *args.against]) as report,
        tempfile.TemporaryDirectory() as scratch,
    ):
        intake = Intake(Path(scratch))
        checked = gather.gather(args.paths, intake)
        report.write(intake.problems)
        _tell_problems(intake.problems, "would not be carried over", args.report)
        say(f"checked: {_carried(intake)}")
        if args.against:
            costs.say_most_expensive(list(checked.values()), costs.sample_for(args.against))
    return Exit.ERROR if intake.problems else Exit.OK


def _rebuild(args: argparse.Namespace) -> int:
    start = time.monotonic()
    forget()
    pack = load_active(Progress(), builder())
    hashes = load_hashes().count
    say(f"built {len(pack.records):,} rules and {hashes:,} hashes in {time.monotonic() - start:.1f} s")
    return Exit.OK


def _name_for(path: str) -> str:
    """A set's name after the path it came from."""
    stem = Path(path).resolve().name
    for suffix in (".gz", ".bz2", ".xz", ".tar", ".zip", ".tgz"):
        stem = stem.removesuffix(suffix)
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in stem)
    return kept.lstrip("._-")[:64] or "rules"


def _carried(intake: Intake) -> str:
    """What was carried over; ClamAV's body signatures are counted as the rules they became."""
    kinds = (("rules", "rule", "s"), ("hashes", "hash", "es"), ("section hashes", "section hash", "es"))
    told = (
        counted(intake.carried[kind], noun, ending) for kind, noun, ending in kinds if intake.carried[kind]
    )
    return ", ".join(told) or "nothing"


def _tell_problems(problems: Sequence[Problem], what: str, report: str | None) -> None:
    for problem in problems[:SHOWN_PROBLEMS]:
        note(visible(str(problem)))
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        hint = (
            f"; all of them are in {report}"
            if report
            else "; --report FILE writes all of them"
            if more > 0
            else ""
        )
        note(f"{what}: {len(problems):,}{hint}")


def _say_set(stored: added.Added, pack: Pack) -> None:
    rules = sum(record.pack == stored.name for record in pack.records.values())
    facts = (
        ("name", stored.name),
        ("rules", f"{rules:,}"),
        ("hashes", f"{stored.hashes:,}"),
        ("author", stored.author),
        ("licence", stored.licence),
        ("origin", stored.origin),
        ("added", stored.added_at),
        ("not carried", f"{stored.problem_count:,}"),
        *(("note", fact) for fact in stored.notes),
        *(("problem", problem) for problem in stored.problems[:SHOWN_PROBLEMS]),
    )
    _say_facts(facts)


def _say_rule(record: RuleRecord, text: str, price: str, origin: Origin | None) -> None:
    told = origin.objections.get(record.name) if origin else None
    facts = (
        ("rule", record.name),
        ("set", record.pack),
        ("channel", f"{origin.channel}, from {origin.url}" if origin else ""),
        ("review", objection_text(told) if told else ""),
        ("severity", record.severity),
        ("author", record.author),
        ("description", record.description),
        ("reference", record.reference),
        ("licence", record.licence),
        ("tags", " ".join(record.tags)),
        ("source", f"{record.source}:{record.line}"),
        ("looked for in", ", ".join(record.routes) + " files"),
        ("cost", price),
    )
    _say_facts(facts)
    say()
    for line in text.splitlines():
        say(visible(line.expandtabs(4)))


def _say_facts(facts: Iterable[tuple[str, str]]) -> None:
    for key, value in facts:
        if value:
            say(f"{key + ':':<15}{visible(value)}")


class Progress:
    """Shows on a terminal how far a long build is; silent elsewhere and for short ones. An `overt.rules` `Tell`."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = False

    def __call__(self, step: str, done: int, total: int) -> None:
        if not capable(sys.stderr):
            return
        if time.monotonic() - self._start > PROGRESS_AFTER_S:
            self._shown = True
            print(f"\r\x1b[K{step}: {done:,} of {total:,}", end="", file=sys.stderr, flush=True)
        if self._shown and step == "compiling rules" and done == total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class ReportFile:
    """The file that `--report` names, opened before the work so that a wrong path costs nothing; never one that is
    `read`."""

    def __init__(self, path: str | None, read: Sequence[str]) -> None:
        self._path = path
        self._read = [("something to read", name) for name in read]

    def __enter__(self) -> ReportFile:
        self._file = None
        if self._path:
            fd = open_whole(self._path, "--report", identities(self._read))
            empty(fd)
            self._file = open(fd, "w", encoding="utf-8")
        return self

    def write(self, problems: Sequence[Problem]) -> None:
        if self._file is not None:
            self._file.writelines(f"{visible(str(problem))}\n" for problem in problems)

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()
