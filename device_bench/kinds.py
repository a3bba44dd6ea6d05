"""Words that have a fixed set of values, in a module so light that a command's options can name them."""

from typing import Literal, get_args

Precision = Literal["float32", "float16", "dynamic", "int8"]
"""How a TFLite file computes."""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Interface = Literal["uint8", "float32", "int8"]
"""The number format of a TFLite file's inputs and outputs; those of a file that is not int8 are float32."""
INTERFACES: tuple[Interface, ...] = get_args(Interface)

Delegate = Literal["cpu", "gpu", "nnapi", "npu"]
"""What runs a model."""
DELEGATES: tuple[Delegate, ...] = get_args(Delegate)

Verdict = Literal["valid", "noisy", "throttled", "failed"]
"""Whether a latency can be trusted, or why not."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
