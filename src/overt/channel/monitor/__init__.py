"""The monitor: follows a channel, checks every release of it, and keeps its history for everybody. See docs/monitor.md.

| module | what |
|---|---|
| `alarm` | what is worth waking somebody for |
| `changes` | what a bundle changes of the rules in the one before it: pure |
| `inspect` | one release, its metadata and its bundle, judged from their bytes |
| `views` | checkpoints from several places, compared: is there one history? |
| `sources`, `rebuild` | rule sources of a release, and whether its bundle is what they build |
| `state`, `shelf` | everything that was seen: one SQLite file; the bundles in it |
| `round` | one look at everything |
| `deliver` | the alarm command |
| `site` | the pages, the feeds and the JSON that `overt rules history` asks for |
"""
