"""A space of a few decisions, and a metric and a latency of its choices."""

from dataclasses import replace

from search_spaces.decision import Decision, Space

NAMES = ("a", "b", "c", "d")


def build(choices):
    # "d" only acts where "a" is not 0: two spellings, one architecture.
    return (*choices[:3], choices[3] if choices[0] else 0)


def toy_space(sizes=(3, 3, 3, 2)):
    decisions = tuple(Decision(name, tuple(range(size)), "n") for name, size in zip(NAMES, sizes, strict=True))
    return Space("toy", decisions, build, lambda arch: arch)


SPACE = toy_space()
WIDE = toy_space((4, 4, 4, 4))
POINTING = replace(
    SPACE,
    decisions=tuple(
        replace(decision, points_to=points)
        for decision, points in zip(SPACE.decisions, ((), ("a",), ("a", "b"), ("a",)), strict=True)
    ),
)


def values(params):
    a, b, c, d = (params[name] for name in NAMES)
    return 0.5 + 0.1 * a - 0.05 * b + 0.03 * a * c + 0.01 * d * bool(a), 10.0 + 5 * a + 3 * c
