"""The monitor's web site: static pages, feeds, and the JSON that `overt rules history` asks for.

    index.html                        the channel, its keys and witnesses, its health, alarms, newest releases
    releases.html                     all releases
    releases/SERIAL.html              one release
    rules.html, rules-LETTER.html     all rules and hash lists by name
    rules/ID.html                     one rule's history
    api/rule/SHA256-OF-NAME.json      the same for programs: schema `overt-rule-history/1`
    api/status.json                   health and newest release: schema `overt-monitor/1`
    evidence/ALARM/NAME               what proves an alarm
    feed.atom, feed.json              Atom (RFC 4287) and JSON Feed 1.1

Only pages that something changed of are written again; each is replaced at once, after those that it links to.
"""
