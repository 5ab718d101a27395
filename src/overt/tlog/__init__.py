"""The rule channel's log: C2SP signed notes, checkpoints, tiles, proofs and witnessing, as pure functions."""
