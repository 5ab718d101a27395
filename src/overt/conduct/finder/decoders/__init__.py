"""Decoders: one encoding, one row; `registry.py` lists them."""
