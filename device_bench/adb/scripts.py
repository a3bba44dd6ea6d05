"""What is said to the device's shell. POSIX sh with toybox, coreutils or busybox: all quoted, all guarded."""

import math
import shlex
from collections.abc import Sequence

# The command gets a session of its own. It ends with its time limit, or as soon as the connection does: adbd then
# closes our standard input, and `read` returns. Whatever it leaves running ends with it.
# When the connection breaks while all this starts, the session may not be there yet: then ending the process by its
# own number ends it, or the group exists by now. And adbd sends us a HUP, before the watcher is there perhaps.
_GUARD = (
    "h=; trap h=1 HUP; exec 3<&0; setsid timeout -s KILL {limit} {command} </dev/null 3<&- & c=$!; "
    "( read -r x <&3; kill -KILL -$c; kill -KILL $c; kill -KILL -$c ) >/dev/null 2>&1 & w=$!; "
    "wait $c; s=$?; [ $h ] && wait $w; kill -KILL $w -$c 2>/dev/null; exit $s"
)

WORKDIRS = ("/data/local/tmp/mnas", "/tmp/mnas")

# $1.. = directories to try; the first that can be made and written is printed.
FIND_WORKDIR = 'for d in "$@"; do mkdir -p "$d" 2>/dev/null && [ -w "$d" ] && echo "$d" && exit 0; done; exit 1'

# $1 = parent, $2 = file, $3 = size in bytes; prints the sha256 of the file when it is there with this size.
PREPARE_PUSH = (
    'mkdir -p "$1" || exit 1; [ -d "$2" ] && echo "$2 is a directory" >&2 && exit 1; '
    '[ -f "$2" ] && [ "$(wc -c <"$2")" -eq "$3" ] && sha256sum <"$2"; exit 0'
)

# $1 = file that arrived; prints its sha256.
CHECK_PUSH = 'sha256sum <"$1"'

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
