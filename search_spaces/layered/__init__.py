"""Networks of layers with skip connections: the convolutional space of NAS, and the macro space of ENAS."""

from search_spaces.layered.families import ENAS_MACRO, NAS_CNN

__all__ = ["ENAS_MACRO", "NAS_CNN"]
