"""What stays on a device between measurements: the models and programs used last, within bounds; the rest goes.

Only for the one who holds the device: whatever is not in use by the caller may be removed.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from device_bench.errors import NoRoom
from device_bench.transport import Transport

KEPT_MODELS, KEPT_PROGRAMS = 64, 4
KEPT_MIB = 256
_TIMEOUT_S = 60.0

Result = TypeVar("Result")

# $1 = folder, $2 = models to keep, $3 = MiB of them, $4 = programs to keep, $5.. = names in use, which become the
# youngest and stay. Files that an interrupted transfer left go in any case. One listing, one removal: no process per
# file. Sizes of 10 digits and more would overflow where a shell counts in 32 bits.
_TIDY = """
cd "$1" || exit 0
n=$2 m=$(($3 * 1024)) p=$4
shift 4
[ $# -eq 0 ] || touch -c -- "$@"
set -- " $* " *.part */*.part
used=$1
shift
rm -f -- "$@"
set -f
ls -lt | {
    gone=
    while read -r rights links owner group size rest; do
        name=${rest##* }
        stays=
        case $used in *" $name "*) stays=1 ;; esac
        case $name in
            [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*.tflite)
                case $size in *[!0-9]* | ??????????*) size=999999999 ;; esac
                n=$((n - 1)) m=$((m - size / 1024 - 1))
                [ $n -ge 0 ] && [ $m -ge 0 ] && stays=1 ;;
            litert-* | *-benchmark_model)
                p=$((p - 1))
                [ $p -ge 0 ] && stays=1 ;;
            *) stays=1 ;;
        esac
        [ "$stays" ] || gone="$gone $name"
    done
    [ -z "$gone" ] || rm -rf -- $gone
}
"""


def tidy(transport: Transport, used: Collection[str] = (), *, empty: bool = False) -> None:
    """Removes models and programs of earlier work, except those used last, and what interrupted transfers left.

    Args:
        transport: The device, held.
        used: Paths below its working directory that are in use; they stay.
        empty: Keep nothing else.

    Raises:
        TransportError: The device is lost.
    """
    start = f"{transport.workdir.rstrip('/')}/"
    names = sorted({path.removeprefix(start).partition("/")[0] for path in used if path.startswith(start)})
    bounds = (0, 0, 0) if empty else (KEPT_MODELS, KEPT_MIB, KEPT_PROGRAMS)
    transport.shell(("sh", "-c", _TIDY, "mnas", transport.workdir, *map(str, bounds), *names), timeout_s=_TIMEOUT_S)


def with_room(transport: Transport, used: Collection[str], put: Callable[[], Result]) -> Result:
    """Puts something on a device; when it is full, once more after everything that is not in use was removed.

    Raises:
        NoRoom: It does not fit even so.
        TransportError: See `tidy`.
    """
    try:
        return put()
    except NoRoom:
        tidy(transport, used, empty=True)
        return put()
