"""Overt's own releases: what one consists of, how it is logged, and whether an installation is one."""
