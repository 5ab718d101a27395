"""The report of an examination: one view, its forms for people, auditors and machines; signed, verified, compared."""
