"""A lock on the phone itself, so that a user on another computer is noticed.

One line in a file of the working directory says who holds the phone and until when, by the phone's own clock since it
started. Each command renews it before and after it runs, in the phone's shell, without a process or a round trip of
its own. It is void when nothing renewed it for `IDLE_S` and the command that did so last has ended, which it does
with its connection; and when the phone has restarted since. A holder that finds another's line in it has lost it.
"""

import getpass
import os
import re
import shlex
import socket

IDLE_S = 120
LOST = 75
_FILE = "lease"
_MARK = "mnas-lease:"

# Prints what tells a phone, and one start of it, from all others, whatever the route to it. Serial numbers alone do
# not: some are made up, many boards have none. Nor does the start alone: containers share the kernel's.
IDENTITY = (
    'read -r b </proc/sys/kernel/random/boot_id; echo "$b"; getprop ro.serialno; getprop ro.boot.serialno; uname -n; '
    'ls -di "$1"; stat -c %d "$1"; exit 0'
)

# l_now sets u to the phone's seconds since its start; l_read reads the line into t (whose), a (when), e (until), p
# (process), b (start), o (owner), and leaves t empty where it is not a line of ours.
_FUNCTIONS = (
    'l_now() { u=; read -r u x </proc/uptime; u=${u%%.*}; [ "$u" ] || u=$(date +%s); } 2>/dev/null; '
    'l_read() { t=; read -r t a e p b o <"$k"; case $a$e$p in ""|*[!0-9]*) t=;; esac; } 2>/dev/null; '
)

# $1 = file, $2 = word, $3 = start, $4 = owner, $5 = seconds without a sign of life. A directory keeps two from taking
# it at once; one that has been there for 3 s belongs to nobody. Names the owner where somebody else holds it.
_TAKE = (
    _FUNCTIONS + 'k=$1; i=0; until mkdir "$k.d" 2>/dev/null || [ $i -ge 30 ]; do i=$((i+1)); sleep 0.1; done; '
    "l_now; l_read; held=; "
    'if [ "$t" ] && [ "$t" != "$2" ] && [ "$b" = "$3" ]; then '
    '[ "$u" -ge "$a" ] && [ $((u-a)) -lt $5 ] && held=1; [ -d "/proc/$p" ] && [ "$u" -lt "$e" ] && held=1; fi; '
    'if [ -z "$held" ]; then l="$2 $u $u $$ $3 $4 "; echo "$l" 1<>"$k" || { rm -f "$k"; echo "$l" >"$k"; }; fi; '
    'rmdir "$k.d" 2>/dev/null; '
    f'[ -z "$held" ] || {{ echo "{_MARK} $o"; exit {LOST}; }}'
)

_RELEASE = _FUNCTIONS + 'k=$1; l_read; [ "$t" = "$2" ] && rm -f "$k"; exit 0'


class PhoneLock:
    """One holding of a phone.

    Args:
        workdir: Where the file lies.
        word: By which the holder, and whoever continues for it, knows the line as its own.
        identity: What `IDENTITY` printed.
    """

    def __init__(self, workdir: str, word: str, identity: str) -> None:
        self.identity = identity
        self._path, self._word = f"{workdir.rstrip('/')}/{_FILE}", word
        self._start = re.sub("[^0-9a-fA-F-]", "", identity.partition("\n")[0])[:36] or "-"

    def take(self) -> tuple[str, ...]:
        """The command that takes the lock; `owner` reads its answer."""
        return ("sh", "-c", _TAKE, "mnas", self._path, self._word, self._start, _me(), str(IDLE_S))

    def release(self) -> tuple[str, ...]:
        """The command that gives the lock back."""
        return ("sh", "-c", _RELEASE, "mnas", self._path, self._word)

    def around(self, line: str, limit_s: int) -> str:
        """The line, which takes `limit_s` at most, with a renewal before and after it."""
        renew = (
            f'l_renew() {{ l_now; l_read; case $t in ""|{self._word}) '
            f'echo "{self._word} $u $((u+$1)) $$ {self._start} {_me()} " 1<>"$k";; *) return 1;; esac; }} 2>/dev/null; '
        )
        start = (
            f"k={shlex.quote(self._path)}; {_FUNCTIONS}{renew}"
            f'l_renew {limit_s} || [ -z "$t" ] || [ "$t" = {self._word} ] || '
            f'{{ echo "{_MARK} $o" >&2; exit {LOST}; }}; '
            # What died of a signal, as by the end of the connection, is no sign of life.
            "trap '[ $? -gt 128 ] || l_renew 0' EXIT; "
        )
        return start + line


def owner(exit_code: int, output: bytes) -> str | None:
    """Who holds the phone, when a command was not run because somebody else does."""
    found = re.match(rf"{_MARK} (\S*)".encode(), output)
    return found[1].decode(errors="replace")[:80] if exit_code == LOST and found else None


def _me() -> str:
    """Who we are, in letters that no shell minds."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return re.sub("[^A-Za-z0-9@:._-]", "_", f"{user}@{socket.gethostname()}:{os.getpid()}")[:80]
