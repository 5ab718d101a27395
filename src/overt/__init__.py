"""Overt: anti-malware that anyone can check."""

__version__ = "0.1.0"
