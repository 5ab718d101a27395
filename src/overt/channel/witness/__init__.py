"""A witness of rule channels (c2sp.org/tlog-witness), and the archive cosigner. See docs/witness.md.

| module | what |
|---|---|
| `keys` | the witness's keys, in encrypted files |
| `state` | what was cosigned, refused and approved: SQLite, changed by compare-and-set |
| `office` | a request's answer: decided, made durable, then signed |
| `exchange`, `server` | one HTTP request, without I/O; connections, deadlines, lock-down |
| `inspection` | whether a release and its bundle are what they say: pure |
| `archive` | a channel followed: fetched, checked, stored, approved |
| `tree` | where a channel's static tree is read from: a folder, or a server through the courier |
"""
