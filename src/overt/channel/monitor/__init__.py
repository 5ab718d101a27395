"""The monitor: follows a channel, checks every release of it, and keeps its history for everybody. See docs/monitor.md.

| module | what |
|---|---|
| `alarm` | what is worth waking somebody for |
| `changes` | what a bundle changes of the rules in the one before it: pure |
| `inspect` | one release, its metadata and its bundle, judged from their bytes |
| `views` | checkpoints from several places, compared: is there one history? |
| `programs` | the log of a program's own releases |
| `sources`, `rebuild` | rule sources of a release, and whether its bundle is what they build |
| `examine` | a release fetched, judged, rebuilt, compared, and taken in |
| `database`, `alarms`, `state`, `shelf` | everything that was seen: one SQLite file; the bundles in it |
| `places` | the ways to the channel, its witnesses, mirrors and sources |
| `watcher`, `round` | what every log needs; one look at a channel |
| `following` | a look in a locked-down process, which asks this one for what it may not do |
| `readers` | who reads bundles and records |
| `deliver` | the alarm command |
| `answer`, `kept` | a rule's history, as a monitor tells it; as a client's own releases do |
| `site` | the pages, the feeds and the JSON that `overt rules history` asks for |
"""
