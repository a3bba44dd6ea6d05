"""Ways in which an output gets damaged: cut, torn, mixed, doubled, flipped."""

from hypothesis import strategies as st

_SPICE = [
    "\n",
    "count=",
    "avg=1 ",
    "Inference (avg): 5",
    "INFO: ",
    "9",
    ".",
    "e+06",
    " ",
    "\t",
    "nan",
    "inf",
    "-",
    "ERROR: x",
]


@st.composite
def mutated(draw, texts):
    """One of the texts after one to six small accidents."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 6))):
        text = _accident(draw, text)
    return text


def _accident(draw, text):
    kind = draw(st.sampled_from(["flip", "drop", "double", "cut", "insert", "swap"]))
    begin = draw(st.integers(0, max(len(text) - 1, 0)))
    if kind == "cut":
        return text[:begin]
    if kind == "insert":
        return text[:begin] + draw(st.sampled_from(_SPICE)) + text[begin:]
    if kind == "flip":
        return text[:begin] + draw(st.sampled_from("0123456789.e+-= \n(x")) + text[begin + 1 :]
    if kind == "swap":
        lines = text.splitlines(keepends=True)
        if len(lines) > 1:
            one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[one], lines[other] = lines[other], lines[one]
        return "".join(lines)
    end = begin + draw(st.integers(1, 120))
    return text[:begin] + text[end:] if kind == "drop" else text[:end] + text[begin:]
