# Runs the steps that come over the second serial line, one a line: NUMBER HUNDREDTHS BACKGROUND USER SCRIPT(base64).
# Answers: "end NUMBER STATUS", the output in base64, and a line with a dot. STATUS is a number, "timeout" or "running".
# When it answers, all that the step wrote is on the disk.
B=/.lab/busybox
SHELL_OF_STEPS=/bin/sh
cd /.lab/work || exit 1
exec 3<>/dev/ttyS1
$B stty raw -echo <&3

# No program is started for what the shell can do itself: on an emulated processor that takes long.
processes() {
    for folder in /proc/[0-9]*; do
        line=
        read -r line <"$folder/cmdline" 2>/dev/null
        [ -n "$line" ] && echo "${folder#/proc/}"
    done 2>/dev/null
}

hundredths() {
    read -r up rest </proc/uptime
    now=${up%.*}${up#*.}
}

kill_new() {
    for round in 1 2 3 4 5; do
        for pid in $(processes); do
            case " $before $$ " in *" $pid "*) ;; *) kill -9 "$pid" 2>/dev/null ;; esac
        done
    done
}

start() {
    if [ "$user" = root ]; then
        exec $B setsid $SHELL_OF_STEPS "step.$number"
    fi
    exec $B setsid $B su -m -s $SHELL_OF_STEPS "$user" "/.lab/work/step.$number"
}

$B sync
echo ready >&3
while read -r number patience background user script <&3; do
    echo "$script" | $B base64 -d >"step.$number"
    before=$(echo $(processes))
    hundredths
    end=$((now + patience))
    start >"out.$number" 2>&1 </dev/null 3>&- &
    child=$!
    while [ "$now" -lt "$end" ] && kill -0 "$child" 2>/dev/null; do
        $B usleep 50000
        hundredths
    done
    if ! kill -0 "$child" 2>/dev/null; then
        wait "$child"
        status=$?
    elif [ "$background" = 1 ]; then
        status=running
    else
        kill_new
        status=timeout
    fi
    $B sync
    echo "end $number $status" >&3
    $B head -c 16777216 "out.$number" | $B base64 >&3
    echo . >&3
done
