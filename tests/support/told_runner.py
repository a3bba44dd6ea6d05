"""A runner that does as it is told: a shell program that speaks the JSON dialect, takes a time and says a time.

What it does is read from files beside it at each start, so that a test can change it meanwhile:
`us` microseconds an inference, `sleep` seconds a session, `before` shell commands to run first (`exit 134`, ...).
A model's own microseconds can be told in `us-DIGEST`, by its path's last part without its ending.
"""

from pathlib import Path

from device_bench.runners.json_runner import JsonRunner

_PROGRAM = """\
#!/bin/sh
HERE='{folder}'
cores=null
while [ $# -gt 0 ]; do
    case $1 in
        --model) model=$2 ;; --threads) threads=$2 ;; --runs) runs=$2 ;; --delegate) delegate=$2 ;;
        --cores) cores="\\"$2\\"" ;;
    esac
    shift
done
[ -e "$model" ] || {{ echo "no model $model" >&2; exit 1; }}
name=$(basename "$model" .tflite)
echo "$name $threads $delegate $cores" >> "$HERE/log"
. "$HERE/before"
sleep "$(cat "$HERE/sleep")"
us=$(cat "$HERE/us-$name" 2>/dev/null || cat "$HERE/us")
samples=$us
while [ "$runs" -gt 1 ]; do samples="$samples, $us"; runs=$((runs - 1)); done
printf '{{"format": 1, "runtime": "told 1.0", "threads": %s, "delegate": "%s", "cores": %s, ' \\
    "$threads" "$delegate" "$cores"
printf '"samples_us": [%s], "init_ms": 1.5, "peak_mb": 2.5, "delegated": 1}}\\n' "$samples"
"""


class ToldRunner:
    """The program in a folder, and the files that tell it what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.program = folder / "told_runner"
        self.program.write_text(_PROGRAM.format(folder=folder))
        self.program.chmod(0o755)
        self.tell(us=1000, sleep=0, before="")

    def tell(self, **values: object) -> None:
        """Sets files, `us=1200` for instance; `us_DIGEST` stands for `us-DIGEST`."""
        for name, value in values.items():
            aside = self.folder / f"{name}.aside"
            aside.write_text(f"{value}\n")
            aside.replace(self.folder / name.replace("_", "-"))

    def install(self, transport: object = None) -> JsonRunner:
        """As `open_device` wants it."""
        return JsonRunner("told_runner", (str(self.program),), delegates=("cpu", "gpu"))

    def log(self) -> list[list[str]]:
        """Model, threads, delegate and cores of each start."""
        log = self.folder / "log"
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []
