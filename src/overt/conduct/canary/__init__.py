"""Canaries: files that nobody else has, planted to be recognised in whatever leaves."""
