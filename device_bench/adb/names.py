"""From the name a user gives a phone to a transport, and the names of the phones that are there."""

import contextlib
import re
import socket

from device_bench.adb.transport import DEFAULT_PORT, AdbTransport, open_tcp, open_usb, usb_serials
from device_bench.errors import BadRequest, TransportError

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?")
_LOOK_S = 2.0
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


def open_adb(name: str) -> AdbTransport:
    """Connects to a phone or board.

    Args:
        name: `adb:SERIAL` (USB), `adb:HOST:PORT` (network; an IPv4 address may go without its port), or
            `adb-server:SERIAL` (through a running adb server).

    Raises:
        BadRequest: The name is none of these.
        TransportError: It cannot be reached; why, and what to do, is said.
    """
    route, _, place = name.partition(":")
    if route == "adb-server" and place:
        from device_bench.adb.server import open_server

        return open_server(place)
    matched = _ADDRESS.fullmatch(place)
    if route != "adb" or not matched or int(matched["port"] or 1) not in range(1, 65536):
        raise BadRequest(f"{name!r} names no phone; use adb:SERIAL, adb:HOST:PORT or adb-server:SERIAL")
    if address := _address(place):
        return open_tcp(*address)
    return open_usb(place)


def reachable(name: str) -> str | None:
    """The name by which a phone can be reached at this moment, by either route; None when it is not there.

    Nothing is sent to it, and an address that does not answer is given up after two seconds.
    """
    route, _, place = name.partition(":")
    address = _address(place) if route == "adb" else None
    if address is None:
        there, _ = list_adb()
        return next((one for one in (name, f"adb:{place}", f"adb-server:{place}") if one in there), None)
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=_LOOK_S):
        return name
    return None


def _address(place: str) -> tuple[str, int] | None:
    """Host and port, where the text behind `adb:` is an address and not a serial number."""
    matched = _ADDRESS.fullmatch(place)
    if matched and (matched["port"] or matched["host"].startswith("[") or _IPV4.fullmatch(place)):
        return matched["host"].strip("[]"), int(matched["port"] or DEFAULT_PORT)
    return None


def list_adb() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Looks for phones on USB and at the adb server, if one runs; gives their names, and why a look failed."""
    from device_bench.adb.server import server_serials

    names: list[str] = []
    problems: list[str] = []
    for prefix, look in (("adb", usb_serials), ("adb-server", server_serials)):
        try:
            names += [f"{prefix}:{serial}" for serial in look()]
        except TransportError as error:
            problems.append(str(error))
    return tuple(names), tuple(problems)
