# Runs one server and ends it when the pipe on stdin ends, which also happens when the parent is
# killed with SIGKILL and can do nothing itself.
#
# $1: how to stop it, as SIGNAL:TENTHS_OF_A_SECOND steps; at last comes KILL.  Rest: the command.
# stdout: the server's pid, once.  stderr: the server's log.
steps=$1
shift
exec 3<&0 </dev/null

"$@" 3<&- >&2 &
server=$!
echo "$server"
exec >&2

(
    read -r _ <&3
    for step in $steps; do
        kill -s "${step%:*}" "$server" || exit 0
        # A paused server must wake up to see it.
        kill -s CONT "$server"
        tenths=${step#*:}
        while [ "$tenths" -gt 0 ]; do
            kill -0 "$server" || exit 0
            sleep 0.1
            tenths=$((tenths - 1))
        done
    done
    kill -s KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-

wait "$server"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher"
exit "$status"
