"""The errors Overt raises on purpose: each message says what happened, to which thing, and what to do next."""

from __future__ import annotations


class OvertError(Exception):
    """Base of every error that is shown to a person as one clear line (exit code 2)."""


class UsageError(OvertError):
    """The command line, the configuration or an input file is wrong; the message names the place."""


class ConfinementError(OvertError):
    """The kernel refused or lacks a confinement that Overt needs; nothing untrusted was opened."""


class PackError(OvertError):
    """A rule pack or hash set is missing, damaged or made by another version."""


class VaultError(OvertError):
    """Quarantine could not do what was asked; the message says where the file is now."""


class LedgerError(OvertError):
    """The ledger could not be opened, read or written; when appending failed, nothing may be done on its strength."""


class LogError(OvertError):
    """Base of what reading, checking or writing a transparency log may raise."""


class Malformed(LogError):
    """Bytes break the format they should be in, or a stated bound: damage, another version or a careless peer."""


class PeerLied(LogError):
    """Well-formed, and untrue: a signature, proof or hash does not fit what it is said to prove. Keep the evidence."""


class Unproven(LogError):
    """Nothing is shown to be false, but a signature that is needed is absent, too few or too old: not to be used."""


class ChannelError(OvertError):
    """A rule channel could not be built, signed or published; the message says what is missing and what to do."""


class WitnessError(OvertError):
    """A witness is set up wrongly, or could not read or store its state; then it signed nothing."""


class ConductError(OvertError):
    """The conduct lab can't run, or a report is damaged or does not verify; the message says what and what to do."""


class EgressError(OvertError):
    """Base of what may go wrong between this machine and a server."""


class NetworkFailed(EgressError):
    """The network, a proxy or the server did not deliver: nothing is known to be wrong with what it has."""


class PeerAtFault(EgressError):
    """The server, or whoever answers in its place, answered what an honest one does not: nothing of it is used."""


class UnpackError(Exception):
    """Base of what an unpacker may raise about its container; never leaves the engine."""


class Damaged(UnpackError):
    """The container breaks its own format: what is readable was yielded before this was raised."""


class Encrypted(UnpackError):
    """The content needs a password that was not among those given."""


class Unsupported(UnpackError):
    """The container uses a feature (method, version, volume set) that cannot be read here."""
