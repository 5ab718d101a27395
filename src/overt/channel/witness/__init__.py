"""A witness of rule channels (c2sp.org/tlog-witness), and the archive cosigner. See docs/witness.md.

| module | what |
|---|---|
| `keys` | the witness's keys, in encrypted files |
| `state` | what was cosigned, refused and approved: SQLite, changed by compare-and-set |
| `office` | a request's answer: decided, made durable, then signed |
| `exchange`, `server` | one HTTP request, without I/O; connections, deadlines, lock-down |
| `archive` | a channel followed: fetched, checked, stored, approved |
| `following` | one look of the archive, in a locked-down process that asks this one for what it approves |
"""
