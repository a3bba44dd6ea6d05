"""Real adbd phones for tests and benchmarks: Debian's own daemon, each in its own namespaces."""

from adbd_rig.desk import Desk
from adbd_rig.phone import Phone
from adbd_rig.prerequisites import missing_for, require
from adbd_rig.roots import Root, build_root

__all__ = ["Desk", "Phone", "Root", "build_root", "missing_for", "require"]
