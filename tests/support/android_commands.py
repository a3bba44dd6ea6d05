"""The commands of an Android phone, as programs on the PATH of this machine's shell.

Each reads its answer from, or writes what it was told to, a file in one folder, so that a test sets how the phone
feels and sees what was done to it. Outputs are those of a Pixel 7 on Android 14, shortened.
"""

from pathlib import Path

PROPERTIES = """\
[ro.build.fingerprint]: [google/panther/panther:14/UP1A.231005.007/10754064:user/release-keys]
[ro.build.version.release]: [14]
[ro.build.version.sdk]: [34]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 7]
[ro.soc.manufacturer]: [Google]
[ro.soc.model]: [GS201]
"""
_THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
	callbacks: 3
Thermal Status: {status}
Cached temperatures:
	Temperature{{mValue=31.5, mType=3, mName=VIRTUAL-SKIN, mStatus=0}}
"""
_BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  status: 2
  health: 2
  present: true
  level: {level}
  scale: 100
  voltage: 4210
  temperature: {tenths}
  technology: Li-ion
"""
_PROGRAMS = {
    "getprop": 'cat "$HERE/getprop.txt"',
    "dumpsys": 'cat "$HERE/$1.txt" 2>/dev/null || { echo "Can\'t find service: $1" >&2; exit 1; }',
    "svc": 'echo "svc $*" >> "$HERE/told"; [ "$3" = true ] && echo 7 > "$HERE/stay_on" || echo 0 > "$HERE/stay_on"',
    "cmd": 'echo "cmd $*" >> "$HERE/told"; [ -e "$HERE/no-fixed" ] && exit 255; echo "$3" > "$HERE/fixed"',
    "settings": (
        'if [ "$1" = get ]; then cat "$HERE/stay_on"; '
        'else echo "settings $*" >> "$HERE/told"; echo "$4" > "$HERE/stay_on"; fi'
    ),
}


class AndroidCommands:
    """A folder of such programs, which any user may call.

    Args:
        folder: Where to put them.
        here: The folder as the programs see it, where that differs; a phone of the rig looks in `/android`.
    """

    def __init__(self, folder: Path, here: str | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        for name, body in _PROGRAMS.items():
            program = folder / name
            program.write_text(f"#!/bin/sh\nHERE='{here or folder}'\n{body}\n")
            program.chmod(0o755)
        (folder / "getprop.txt").write_text(PROPERTIES)
        self.set("stay_on", "0")
        self.set("fixed", "false")
        self.feel()

    def set(self, name: str, value: str) -> None:
        """Sets "stay_on" or "fixed", as the user would in the phone's settings."""
        setting = self.folder / name
        setting.write_text(f"{value}\n")
        setting.chmod(0o666)

    def feel(self, *, status: int = 0, battery_c: float = 30.0, level: int = 80) -> None:
        """Sets the thermal status and the battery; whole, as a reader may look at any moment."""
        texts = {
            "thermalservice": _THERMAL.format(status=status),
            "battery": _BATTERY.format(level=level, tenths=round(battery_c * 10)),
        }
        for name, text in texts.items():
            aside = self.folder / f"{name}.aside"
            aside.write_text(text)
            aside.replace(self.folder / f"{name}.txt")

    def setting(self, name: str) -> str:
        """What "stay_on" or "fixed" is now."""
        return (self.folder / name).read_text().strip()

    def told(self) -> list[str]:
        """What the phone was told, in order."""
        told = self.folder / "told"
        return told.read_text().splitlines() if told.exists() else []
