"""Published networks that differ in more than their sizes: what tests of all operators need, in half the time."""

from search_spaces import published_names

_LIKE_ANOTHER = {
    "mobilenet-v2-1.3",
    "mobilenet-v2-1.4",
    "nasnet-a-large",
    "nasnet-a-cifar",
    "amoebanet-a",
    "pnasnet-5-large",
    "pnasnet-5-cifar",
}

VARIED = [name for name in published_names() if name not in _LIKE_ANOTHER]
