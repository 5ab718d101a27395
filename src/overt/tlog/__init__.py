"""The rule channel's log: C2SP signed notes, checkpoints, tiles, proofs and witnessing, as pure functions.

Nothing here opens a file or a socket, asks for the time or keeps a secret: a log is read through a function from a
tile's path to its bytes, writing one returns the tiles to write, and times are arguments (seconds since the Epoch).

| module | what | specification |
|---|---|---|
| `text` | the strict pieces all formats share: decimals, base64, hashes | |
| `merkle` | hashes, inclusion and consistency proofs: made and verified | RFC 6962, RFC 9162 |
| `tiles` | a tree as static resources: paths, widths, entry bundles | c2sp.org/tlog-tiles |
| `reader`, `writer` | a tree read through authenticated tiles; the tiles an append adds | c2sp.org/tlog-tiles |
| `note`, `keys` | signed text; who may sign | c2sp.org/signed-note |
| `checkpoint` | a signed tree head | c2sp.org/tlog-checkpoint |
| `signing` | notes and cosignatures: made and verified | c2sp.org/signed-note, c2sp.org/tlog-cosignature |
| `proof` | one file that proves an entry was logged and witnessed | c2sp.org/tlog-proof |
| `policy`, `policy_file`, `quorum` | which witnesses are enough; how many may be faulty | c2sp.org/tlog-policy |
| `witness` | what is asked of a witness, and its decision | c2sp.org/tlog-witness |

Every parser accepts only what its value encodes to again, byte for byte (a policy file, which allows comments and
blanks, is the exception). Errors are in `core.errors`: `Malformed`, `PeerLied`, `Unproven`.
"""
