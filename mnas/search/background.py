"""A call on a thread of its own that can be waited for, whatever interrupts the one who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """A call on a thread of its own whose value, or error, comes out of `result`."""

    def __init__(self, call: Callable[[], T], name: str) -> None:
        """Prepares; nothing runs yet.

        Args:
            call: What to do.
            name: Of the thread.
        """
        self._call = call
        self._values: list[T] = []
        self._error: BaseException | None = None
        # Not `join`: before Python 3.13 an interrupt that ends it marks the thread as ended though it runs.
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go, name=name, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wait(self) -> None:
        """Until the call has ended, however it did; not at all where it never began."""
        if self._thread.ident is not None:
            self._ended.wait()

    def result(self) -> T:
        """Waits; gives what the call gave, or raises what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _go(self) -> None:
        try:
            self._values.append(self._call())
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()
