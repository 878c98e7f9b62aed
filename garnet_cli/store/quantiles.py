"""`quantiles(…)`: percentiles over any window and any grouping, in SQL, from the stored histograms.

The percentiles of minutes cannot be averaged, and a list that collects every minute's buckets does not
fit the memory; so this is a table: it takes the buckets apart, adds their counts by group, and walks up to
the rank, as ``Histogram.quantile`` does. Its memory grows with the groups, not with the minutes::

    SELECT grp AS model, value AS p95_ms, requests
    FROM quantiles(latency_ms, 0.95, per := model)

    SELECT unnest(grp), value FROM quantiles(
        first_token_ms, 0.5, per := {model: model, hour: date_trunc('hour', minute)}, keep := node = 'mini-1')
"""

from __future__ import annotations

from node_scripts.histogram import BUCKETS_PER_OCTAVE

ZEROS_BUCKET = -(2**31)
"""Below every bucket: stands for the values that are 0."""

QUANTILES = f"""
CREATE MACRO quantiles(histogram, share, per := NULL, keep := true) AS TABLE
WITH taken AS (
    SELECT per AS grp, histogram AS h FROM models WHERE keep
), apart AS (
    SELECT grp,
        unnest(CASE WHEN h.zeros > 0 THEN list_prepend({ZEROS_BUCKET}, h.buckets) ELSE h.buckets END)
            AS bucket,
        unnest(CASE WHEN h.zeros > 0 THEN list_prepend(h.zeros, h.counts) ELSE h.counts END) AS n,
        h.minimum AS low, h.maximum AS high
    FROM taken
), counted AS (
    SELECT grp, bucket, sum(n) AS n, min(low) AS low, max(high) AS high FROM apart GROUP BY grp, bucket
), ranked AS (
    SELECT grp, bucket,
        sum(n) OVER (PARTITION BY grp ORDER BY bucket) AS seen,
        sum(n) OVER (PARTITION BY grp) AS total,
        min(low) OVER (PARTITION BY grp) AS low,
        max(high) OVER (PARTITION BY grp) AS high
    FROM counted
), found AS (
    SELECT grp, min(bucket) AS bucket, any_value(total) AS total, any_value(low) AS low,
        any_value(high) AS high
    FROM ranked WHERE seen >= greatest(1, ceil(share * total)) GROUP BY grp
)
SELECT grp, total::BIGINT AS requests,
    CASE WHEN bucket = {ZEROS_BUCKET} THEN 0.0 ELSE least(greatest(
        2 * pow(2, bucket / {BUCKETS_PER_OCTAVE}) / (1 + pow(2, -1 / {BUCKETS_PER_OCTAVE})), low), high)
    END AS value
FROM found ORDER BY grp
"""  # noqa: S608 -- numbers of our own
"""The value is the bucket's middle 2·l·u / (l + u), with u = l · 2^(1/32), kept within what was seen."""
