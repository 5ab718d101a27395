"""The courier: the only process with a network, and it has no files but its spool."""
