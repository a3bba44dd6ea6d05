"""`mnas table predict` and `import`, without a process for each: what users call is called."""

import contextlib
import io
import math
import re
from pathlib import Path

from fuzzing.cases import Wrong
from mnas.latency_tables.cli import table


def predict(path: Path, model: Path, *options: str) -> None:
    """Prices a model by a table.

    Raises:
        Wrong: The price is not a positive number, or there is none.
    """
    said = _said("predict", str(path), str(model), "--image-size", "16", "--classes", "10", *options)
    found = re.search(rf"^{re.escape(str(model))}: (\S+) ms", said, re.MULTILINE)
    if not found or not 0 < float(found[1]) < math.inf:
        raise Wrong(f"a price that cannot be: {said!r}")


def import_(source: Path, output: Path) -> None:
    """Turns a published table into one of ours."""
    _said("import", str(source), "--device", "Testphone", "--output", str(output))


def _said(*words: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        table.main(list(words), prog_name="mnas table", standalone_mode=False)
    return output.getvalue()
