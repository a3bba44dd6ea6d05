"""Prints the shapes of all tensors of a TFLite model as JSON, as an inference computes them from those of its inputs.

Started as a script in a process of its own, with the model on standard input: a damaged file may crash the runtime.
"""

import json
import sys


def main() -> int:
    """Prints one list of sizes per tensor; the exit code is 0 only when the runtime could run the model."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_content=sys.stdin.buffer.read(),
            # Delegates put tensors of their own in the place of the file's.
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
        # Some sizes are known only once an inference has computed them.
        for tensor in interpreter.get_input_details():
            interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        print(" ".join(str(error).split())[:200], file=sys.stderr)
        return 1
    shapes = {one["index"]: one["shape"].tolist() for one in interpreter.get_tensor_details()}
    print(json.dumps([shapes.get(index, []) for index in range(max(shapes, default=-1) + 1)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
