"""Publishing a rule channel: keys and ceremonies, reproducible bundles, the log, and the static tree."""
