from adbd_rig.fixtures import at_desk, desk, mortal_phone, phone, second_phone

__all__ = ["at_desk", "desk", "mortal_phone", "phone", "second_phone"]
