"""What is said to the device's shell. POSIX sh with toybox, coreutils or busybox: all quoted, all guarded."""

import math
import shlex
from collections.abc import Sequence

# The command gets a process group of its own. It ends with its time limit, or as soon as the connection does: adbd
# then closes our standard input, and `read` returns. Whatever it leaves running in its group ends with it.
#
# `setsid` and `timeout` cannot be relied on: the first forks on Android 11 and 12, which loses the exit code, the
# second leads its child out of our group from Android 14 on, and small boxes lack them. So the shell does both by
# itself where it can, as mksh, which is Android's, can: job control makes the group, `read -t` keeps the time. busybox
# has no job control without a terminal, dash has neither; only there the two programs are called.
#
# `setsid` may not have made its group yet when the connection breaks: then ending the process by its own number ends
# it, or the group exists by now. What still exists after `wait` was stopped, or adbd sent us a HUP because the
# connection broke: the watcher ends it.
_GUARD = (
    "trap : HUP; exec 3<&0 4>&2 </dev/null 2>/dev/null; g=; t='-t {limit}'; "
    "set -m; case $- in *m*) ;; *) g=setsid; esac; "
    'read -t 1 x; case $? in 1) ;; *) t=; g="$g timeout --foreground -s KILL {limit}"; esac; '
    "exec $g {command} 2>&4 3<&- 4>&- & c=$!; "
    "( read -r $t x <&3; kill -KILL -$c; kill -KILL $c; kill -KILL -$c ) >&2 4>&- & w=$!; "
    "set +m; wait $c; s=$?; if kill -0 $c; then wait $w; s=137; fi; kill -KILL $w -$c; exit $s"
)

WORKDIRS = ("/data/local/tmp/mnas", "/tmp/mnas")

# $1 = programs that compute a checksum, $2.. = directories to try. The first directory that can be made and written
# and the first of the programs that works are printed; otherwise standard error says what is missing. The exit codes
# are none that a shell or `timeout` makes up, so that they also prove that exit codes arrive.
SURVEYED, UNFIT = 71, 72
SURVEY = (
    'l=; for t in cat chmod mkdir mv rm wc; do command -v $t >/dev/null || l="$l $t"; done; '
    f'[ "$l" ] && echo "these programs are missing there:$l" >&2 && exit {UNFIT}; '
    "for c in $1; do $c </dev/null >/dev/null 2>&1 && break; c=; done; "
    f'[ "$c" ] || {{ echo "none of these programs works there: $1" >&2; exit {UNFIT}; }}; shift; '
    f'for d in "$@"; do mkdir -p "$d" 2>/dev/null && [ -w "$d" ] && echo "$c $d" && exit {SURVEYED}; done; '
    f'echo "none of these directories can be written: $*" >&2; exit {UNFIT}'
)

# $1 = parent, $2 = file, $3 = size in bytes, $4 = checksum program; prints the checksum of the file when it is there
# with this size.
PREPARE_PUSH = (
    'mkdir -p "$1" || exit 1; [ -d "$2" ] && echo "$2 is a directory" >&2 && exit 1; '
    '[ -f "$2" ] && [ "$(wc -c <"$2")" -eq "$3" ] && "$4" <"$2"; exit 0'
)

# $1 = file that arrived, $2 = checksum program; prints its checksum.
CHECK_PUSH = '"$2" <"$1"'

# $1 = temporary file, $2 = file, $3 = mode.
FINISH_PUSH = 'chmod "$3" "$1" && mv -f "$1" "$2"'


def guarded(argv: Sequence[str], limit_s: int) -> str:
    """The line that runs a command for `limit_s` seconds at most, and no longer than the connection lasts."""
    return _GUARD.format(limit=limit_s, command=shlex.join(argv))


def whole_seconds(timeout_s: float) -> int:
    """The limit as every device's `timeout` understands it: a positive whole number."""
    return max(1, math.ceil(timeout_s))


def script(text: str, *words: str) -> tuple[str, ...]:
    """A small script as an argument vector; the words are its $1, $2, ..."""
    return ("sh", "-c", text, "mnas", *words)
