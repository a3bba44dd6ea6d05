"""Networks of cells: NASNet, AmoebaNet, PNASNet, ENAS's micro space and DARTS are one form with different menus."""

from search_spaces.cells.families import DARTS, ENAS_MICRO, NASNET, PNAS

__all__ = ["DARTS", "ENAS_MICRO", "NASNET", "PNAS"]
