"""Quarantine: files sealed so that nothing sets them off, and back byte for byte."""

from overt.vault.record import Exhibit
from overt.vault.recover import Outcome, Recovery
from overt.vault.restore import Restored
from overt.vault.vault import Damage, Survey, Vault

__all__ = ["Damage", "Exhibit", "Outcome", "Recovery", "Restored", "Survey", "Vault"]
