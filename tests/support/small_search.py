"""A search small enough for a test: how it is configured and started."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MNAS = str(Path(sys.executable).with_name("mnas"))
SMALL: Mapping[str, Mapping[str, Any]] = {
    "search": {"run": "run", "trials": 2, "batch": 2},
    "space": {"width": 0.25, "depth": 0.5, "head_filters": 16},
    "data": {"source": "digits", "image_size": 16, "channels": 1, "limit": 300},
    "train": {"epochs": 1},
    "latency": {"target_ms": 0.1, "canary_limit": 10},
    "confirm": {"top": 0},
    "references": {"names": []},
}


def write_config(path: Path, **changed: Mapping[str, Any]) -> None:
    """Writes the configuration of a small search, with the keys that a test changes, section by section."""
    lines = []
    for name, section in SMALL.items():
        lines.append(f"[{name}]")
        # What JSON writes for text, numbers, truth and lists is TOML too.
        lines += [f"{key} = {json.dumps(value)}" for key, value in {**section, **changed.get(name, {})}.items()]
    path.write_text("\n".join(lines) + "\n")


def search_command(config: str, *overrides: str) -> list[str]:
    """The command that runs it."""
    return [MNAS, "search", config, *(word for override in overrides for word in ("-o", override))]
