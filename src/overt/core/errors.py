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


class UnpackError(Exception):
    """Base of what an unpacker may raise about its container; never leaves the engine."""


class Damaged(UnpackError):
    """The container breaks its own format: what is readable was yielded before this was raised."""


class Encrypted(UnpackError):
    """The content needs a password that was not among those given."""


class Unsupported(UnpackError):
    """The container uses a feature (method, version, volume set) that cannot be read here."""
