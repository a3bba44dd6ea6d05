"""What lies in a folder of images, down to the last file: what is used, passed over and refused, and why."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mnas.data.kinds import Use, judge, promises_an_image
from mnas.data.names import shown

HIDDEN = "hidden"
_LEFT_BY_SYSTEMS = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a folder that is not entered.

    Attributes:
        path: Where it lies.
        use: What becomes of it.
        why: The reason when it is not used.
        identity: Device and inode of a file that is used.
    """

    path: Path
    use: Use
    why: str = ""
    identity: tuple[int, int] = (0, 0)


_LEVELS_TO_CLASSES = 2
"""Folders above a class at the most: the root and a split."""


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """A folder with all that lies below it.

    Attributes:
        path: Where it lies.
        entries: What lies directly in it, by name.
        folders: Its visible sub-folders, links to folders among them, by name.
    """

    path: Path
    entries: tuple[Entry, ...]
    folders: tuple["Folder", ...]

    @property
    def name(self) -> str:
        """Its last name, fit for a message."""
        return shown(self.path.name)

    def everything(self) -> Iterator[Entry]:
        """All entries, those of the sub-folders after its own."""
        yield from self.entries
        for folder in self.folders:
            yield from folder.everything()

    @property
    def loose(self) -> list[Path]:
        """The images directly in it."""
        return [entry.path for entry in self.entries if entry.use == "image"]

    @property
    def meant_as_images(self) -> bool:
        """Whether anything in it or below is an image, or was meant as one."""
        return any(entry.use != "passed over" for entry in self.everything())

    @property
    def classes(self) -> list["Folder"]:
        """Its sub-folders that hold images."""
        return [folder for folder in self.folders if folder.meant_as_images]


def read_tree(root: Path) -> Folder:
    """Reads a folder. Links to files and folders are followed, but not back to a folder above them."""
    return _read(root, (), set())


def _read(path: Path, above: tuple[tuple[int, int], ...], entered: set[tuple[int, int]]) -> Folder:
    """Reads a folder that lies in those `above`; below a class, `entered` holds all that was read of it."""
    about = path.stat()
    identity = (about.st_dev, about.st_ino)
    trail = (*above, identity)
    entered.add(identity)
    entries, folders = [], []
    for child in sorted(path.iterdir()):
        # A class, in a split or not, may link to what another has; within one, links would multiply the paths.
        found = _look_at(child, trail, entered if len(trail) > _LEVELS_TO_CLASSES else set())
        if isinstance(found, Folder):
            folders.append(found)
        else:
            entries.append(found)
    return Folder(path, tuple(entries), tuple(folders))


def _look_at(path: Path, trail: tuple[tuple[int, int], ...], entered: set[tuple[int, int]]) -> Entry | Folder:
    if path.name.startswith(".") or path.name in _LEFT_BY_SYSTEMS:
        return Entry(path, "passed over", HIDDEN)
    try:
        about = path.stat()
        identity = about.st_dev, about.st_ino
        if stat.S_ISDIR(about.st_mode):
            if identity in trail:
                return Entry(path, "passed over", "linked back to a folder above")
            if identity in entered:
                return Entry(path, "passed over", "linked to a folder that was read already")
            return _read(path, trail, entered)
    except OSError as error:
        if not os.path.lexists(path) or not path.is_symlink():
            return Entry(path, "refused", f"not accessible ({error.strerror or error})")
        use: Use = "refused" if promises_an_image(path) else "passed over"
        return Entry(path, use, "linked to nothing (restore what the links point to, or remove them)")
    if not stat.S_ISREG(about.st_mode):
        return Entry(path, "passed over", "neither file nor folder")
    return Entry(path, *judge(path), identity)
