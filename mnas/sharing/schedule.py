"""What changes over a training of shared weights: its warm-ups, and when and how fast a controller learns beside it.

Source: Bender et al., TuNAS (CVPR 2020), section 3, and its published code.
"""

from __future__ import annotations


def warmup(step: int, steps: int, share: float) -> float:
    """Probability of a warm-up in step `step` of `steps`: 1 at first, 0 once a share of the steps is done."""
    return max(0.0, 1.0 - step / (share * steps)) if share else 0.0


def controller_factor(step: float, steps: int, delay: float) -> float:
    """Factor on a controller's learning rate: 0 up to a share `delay` of the steps, then from 1 to 10 at the end."""
    if step < delay * steps:
        return 0.0
    left = (1.0 - delay) * steps
    return float(10 ** ((step - delay * steps) / left)) if left else 1.0
