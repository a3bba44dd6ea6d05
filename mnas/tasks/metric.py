"""A metric: the number by which a task judges a network, and how people read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mnas.errors import SearchError

_TAKEN = frozenset(
    "run kind name number state latency latency_ms latency_low_ms latency_high_ms verdict predicted reward rewards "
    "on_front repeated params macs size_bytes train_s seconds arch arch_hash hash blocks error job".split()
)
"""What records and tables call something else."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        key: As files, tables and trials name it, such as `accuracy`; its relatives are `{key}_float` (of the network
            before quantization) and `test_{key}` (on the test split).
        name: As sentences, axes and columns name it.
        maximize: Whether more is better.
        merit: A value -> the number in [0, 1] that the reward sees; a better value has a greater one.
        from_merit: The reverse.
        interval: A value and the number of examples behind it -> the ends of its 95 % interval, NaN where unknown.
        factor: What a value is multiplied by before it is shown, such as 100 for per cent.
        unit: Shown right behind a value.
        difference_unit: Shown behind the difference of two values.
        decimals: Digits behind the point in reports; a search shows one more.
        adjective: What a network of a good value is, such as "accurate"; empty where the language has no word for it.
        plural: Several values of it in a sentence, such as "accuracies"; empty for "values of NAME".
        abbreviation: The name in a narrow column; empty for the whole one.
        claim: A sentence's predicate with the places `{value}` and `{examples}`; empty for one made of the name.

    Raises:
        SearchError: The key is not an identifier, or records call something else so.
    """

    key: str
    name: str
    maximize: bool
    merit: Callable[[float], float]
    from_merit: Callable[[float], float]
    interval: Callable[[float, int], tuple[float, float]]
    factor: float = 1.0
    unit: str = ""
    difference_unit: str = ""
    decimals: int = 3
    adjective: str = ""
    plural: str = ""
    abbreviation: str = ""
    claim: str = ""

    def __post_init__(self) -> None:
        if not self.key.isidentifier() or _TAKEN & {*self.keys}:
            raise SearchError(f"a metric cannot have the key {self.key!r}: give it a name of letters that is not taken")

    @property
    def float_key(self) -> str:
        """Of the network before quantization."""
        return f"{self.key}_float"

    @property
    def test_key(self) -> str:
        """On the test split."""
        return f"test_{self.key}"

    @property
    def low_key(self) -> str:
        """Of the lower end of the interval."""
        return f"{self.key}_low"

    @property
    def high_key(self) -> str:
        """Of the upper end of the interval."""
        return f"{self.key}_high"

    @property
    def keys(self) -> tuple[str, ...]:
        """All columns of a table that hold values of this metric."""
        return (self.key, self.low_key, self.high_key, self.float_key, self.test_key)

    @property
    def sign(self) -> float:
        """What a value is multiplied by so that more of it is better."""
        return 1.0 if self.maximize else -1.0

    def gain(self, value: float) -> float:
        """The value with the sign that makes more of it better."""
        return self.sign * value

    def digits(self, value: float) -> str:
        """A value as reports show it, without its unit."""
        return f"{self.factor * value:.{self.decimals}f}"

    def words(self, value: float) -> str:
        """A value as reports show it."""
        return f"{self.digits(value)}{self.unit}"

    def short(self, value: float) -> str:
        """A value beside an axis: with no more digits than it needs."""
        return f"{self.factor * value:.4g}{self.unit}"

    def difference_words(self, difference: float) -> str:
        """The size of a difference of two values."""
        return f"{self.digits(abs(difference))} {self.difference_unit}".rstrip()

    def exact_words(self, value: float) -> str:
        """A value as a search shows it: one digit more, which tells neighbours apart."""
        return f"{self.factor * value:.{self.decimals + 1}f}{self.unit}"

    @property
    def several(self) -> str:
        """Values of it in a sentence, such as "accuracies"."""
        return self.plural or f"values of {self.name}"

    @property
    def best(self) -> str:
        """Such as "most accurate"."""
        return f"most {self.adjective}" if self.adjective else f"best in {self.name}"

    def compared(self, better: bool) -> str:
        """Such as "more accurate"."""
        if self.adjective:
            return f"{'more' if better else 'less'} {self.adjective}"
        return f"{'better' if better else 'worse'} in {self.name}"

    @property
    def as_good(self) -> str:
        """Such as "as accurate"."""
        return f"as {self.adjective}" if self.adjective else f"as good in {self.name}"

    @property
    def no_worse(self) -> str:
        """Such as "no less accuracy"."""
        return f"no {'less' if self.maximize else 'more'} {self.name}"

    def claimed(self, value: float, examples: str) -> str:
        """What can be said of a network alone, such as "is right on 97.1% of the test images"."""
        claim = self.claim or f"reaches a {self.name} of {{value}} on the {{examples}}"
        return claim.format(value=self.words(value), examples=examples)
