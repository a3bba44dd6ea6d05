"""x"""

from pathlib import Path

from mnas.shipping.order import Order


def ship(order: Order, folder: Path) -> None:
    print(order)
