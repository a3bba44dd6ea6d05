"""The precisions of a TFLite file, in a module so light that a command's options can name them."""

from typing import Literal, get_args

Precision = Literal["float32", "float16", "dynamic", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
