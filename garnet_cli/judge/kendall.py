"""Two tables of statistics: Kendall's rank test for a trend, and Student's t."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

STUDENT_T_90 = (
    *(3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372),
    *(1.363, 1.356, 1.350, 1.345, 1.341, 1.337, 1.333, 1.330, 1.328, 1.325),
    *(1.323, 1.321, 1.319, 1.318, 1.316, 1.315, 1.314, 1.313, 1.311, 1.310),
)
"""The 90th percentile for 1 to 30 degrees of freedom (any table of Student's distribution)."""
NORMAL_90 = 1.282


def student_t(freedom: int) -> float:
    """Return Student's t whose two sides hold 80 %, for ``freedom`` ≥ 1 degrees of freedom."""
    return STUDENT_T_90[freedom - 1] if freedom <= len(STUDENT_T_90) else NORMAL_90


def kendall_chance(values: Sequence[float]) -> float:
    """Return how likely chance alone orders ``values`` at least as strictly, up or down (two-sided, exact).

    Mann (1945): the number of pairs in order less those out of it, over all orders of distinct values;
    equal values count as neither, which can only make the chance greater.
    """
    count = len(values)
    score = abs(sum((second > first) - (second < first) for first, second in combinations(values, 2)))
    if score == 0:
        return 1.0
    # How many orders of the first n values have so many pairs out of order.
    orders = [1]
    for size in range(2, count + 1):
        longer = [0] * (len(orders) + size - 1)
        for inversions, ways in enumerate(orders):
            for more in range(size):
                longer[inversions + more] += ways
        orders = longer
    pairs = count * (count - 1) // 2
    as_strict = sum(ways for inversions, ways in enumerate(orders) if pairs - 2 * inversions >= score)
    return min(1.0, 2 * as_strict / sum(orders))
