"""What a folder of images holds beside the images that are used: none of it vanishes without a word."""

from collections import Counter
from itertools import chain
from pathlib import Path

from mnas.data.kinds import NOT_AN_IMAGE
from mnas.data.names import examples, shown
from mnas.data.tree import Entry, Folder
from mnas.errors import SearchError


def refuse_unusable(tree: Folder, splits: dict[str, Folder]) -> None:
    """Stops where files were meant as images and cannot be used: a data set that shrinks silently is worse.

    Raises:
        SearchError: It counts them, and names two of each kind.
    """
    refused: dict[str, list[Path]] = {}
    classes = [child for where in splits.values() for child in where.folders]
    for entry in chain(*(where.entries for where in _roots(tree, splits)), *(child.everything() for child in classes)):
        if entry.use == "refused":
            refused.setdefault(entry.why, []).append(entry.path)
    if refused:
        reasons = "; ".join(f"{len(paths)} {why}: {examples(paths)}" for why, paths in refused.items())
        raise SearchError(f"{shown(tree.path)} holds what was meant as images but cannot be used: {reasons}")


def passed_over(tree: Folder, splits: dict[str, Folder]) -> str:
    """What lies in the folder and is not used, counted by the reason, with examples; one line."""
    found: dict[str, list[Path]] = {}
    for entry in _unused(tree, splits):
        found.setdefault(entry.why, []).append(entry.path.relative_to(tree.path))
    parts = []
    for why, paths in found.items():
        kinds = Counter(path.suffix.lower() or "no ending" for path in paths)
        endings = f" ({', '.join(f'{shown(end)} {count}' for end, count in kinds.most_common(5))})"
        parts.append(f"{len(paths)} {why}{endings if why == NOT_AN_IMAGE else ''}: {examples(paths)}")
    return f"passed over: {'; '.join(parts) or 'nothing'}"


def _unused(tree: Folder, splits: dict[str, Folder]) -> list[Entry]:
    """Entries for all that is in no class folder, or is an image twice in one, beside those passed over."""
    used = list(splits.values())
    found = [
        Entry(entry.path, "passed over", "outside the class folders" if entry.use == "image" else entry.why)
        for root in _roots(tree, splits)
        for entry in root.entries
    ]
    for where in used:
        for child in where.folders:
            found += _unused_of_class(child)
    for other in () if tree in used else tree.folders:
        if other not in used:
            images = sum(entry.use == "image" for entry in other.everything())
            found.append(Entry(other.path, "passed over", f"beside the split folders (images in it: {images})"))
    return found


def _roots(tree: Folder, splits: dict[str, Folder]) -> list[Folder]:
    """The folders in which class folders, or the folders of splits, lie."""
    return list({id(where): where for where in (tree, *splits.values())}.values())


def _unused_of_class(child: Folder) -> list[Entry]:
    if not child.meant_as_images:
        return [Entry(child.path, "passed over", "without images"), *child.everything()]
    seen: set[tuple[int, int]] = set()
    found = []
    for entry in child.everything():
        if entry.use == "passed over":
            found.append(entry)
        elif entry.identity in seen:
            found.append(Entry(entry.path, "passed over", "linked twice into one class"))
        seen.add(entry.identity)
    return found
