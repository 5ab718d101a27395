"""The append-only record of what this machine fetched, sent, installed and decided."""
