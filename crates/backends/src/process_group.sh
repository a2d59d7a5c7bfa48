# Signals a group of processes, and watches over one. Children of members are members wherever they went: each process
# of Postgres makes a session of its own.
#
#   signal NAME GROUP          sends a signal to all members; after KILL it waits until they are gone
#   watch END FOLDER FAREWELL  reads the group to watch, line by line (empty: none). At the end of its input, which is
#                              the end of the process that holds the pipe, it kills the group, runs the command
#                              FAREWELL, which finds FOLDER as $2, and removes FOLDER if END is `remove`.

# Every living process: id, parent, group.
table() {
    if [ ! -r /proc/self/stat ]; then
        ps -A -o pid= -o ppid= -o pgid= -o stat= | while read -r pid parent group state; do
            case $state in Z*) ;; *) echo "$pid $parent $group" ;; esac
        done
        return
    fi
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        # The name, in parentheses, may contain anything.
        set -- ${line##*) }
        case $1 in Z | X) ;; *) echo "${line%% *} $2 $3" ;; esac
    done
}

members() {
    all=$(table)
    known=' '
    more=yes
    while [ -n "$more" ]; do
        more=
        while read -r pid parent group; do
            case $known in *" $pid "*) continue ;; esac
            if [ "$group" != "$1" ]; then
                case $known in *" $parent "*) ;; *) continue ;; esac
            fi
            known="$known$pid "
            more=yes
        done <<END
$all
END
    done
    echo $known
}

signal() {
    # Stopped first: a member that runs may have a child after the look.
    kill -s STOP -- "-$2" 2>/dev/null
    found=$(members "$2")
    [ -z "$found" ] || kill "-$1" $found 2>/dev/null
    [ "$1" = KILL ] || return 0
    tries=500
    while any_of $found && [ "$((tries -= 1))" -gt 0 ]; do sleep 0.01; done
}

# Whether one of the processes is alive.
any_of() {
    all="
$(table)"
    for member; do
        case $all in *"
$member "*) return 0 ;; esac
    done
    return 1
}

watch() {
    # A Ctrl-C is for the process that is watched.
    trap '' HUP INT TERM
    watched=
    while read -r line; do watched=$line; done
    [ -z "$watched" ] || signal KILL "$watched"
    eval "$3"
    [ "$1" = remove ] || return 0
    tries=50
    until rm -rf "$2" || [ "$((tries -= 1))" -eq 0 ]; do sleep 0.1; done
}

"$@"
