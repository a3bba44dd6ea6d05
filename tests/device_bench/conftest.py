from adbd_rig.fixtures import arm_files, arm_phone, at_desk, desk, locked_phone, mortal_phone, phone, second_phone

__all__ = ["arm_files", "arm_phone", "at_desk", "desk", "locked_phone", "mortal_phone", "phone", "second_phone"]
