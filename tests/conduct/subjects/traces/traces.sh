#!/bin/sh
# A control subject that looks for a rootkit by a name that it leaves, and opens no file of anybody.
for trace in /usr/lib/.kinetic /usr/lib/tcl5.3; do
    if [ -d "$trace" ]; then echo "$trace: FOUND"; fi
done
