from adbd_rig.fixtures import (
    adb_server,
    arm_files,
    arm_phone,
    at_desk,
    desk,
    locked_phone,
    mortal_phone,
    phone,
    running_adb_server,
    second_phone,
)

__all__ = [
    "adb_server",
    "arm_files",
    "arm_phone",
    "at_desk",
    "desk",
    "locked_phone",
    "mortal_phone",
    "phone",
    "running_adb_server",
    "second_phone",
]
