"""Certification of conduct: requirements as data, their assessment, certificates, and the public log of them.

docs/conduct-scheme.md is the scheme for people; a test holds it against the tables here.
"""
