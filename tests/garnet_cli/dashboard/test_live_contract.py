"""What the monitor writes is what top reads: every figure, by the monitor's own types."""

from __future__ import annotations

import json

import msgspec

from garnet_cli.dashboard.looks import Look
from garnet_cli.dashboard.top_rows import top_view
from node_scripts.monitor.alerts.state import ActiveAlert
from node_scripts.monitor.live import Live, LiveModel, shown_sample
from node_scripts.monitor.sample import Sample, SensorSample, Value
from tests.garnet_cli.dashboard.simulated_looks import NOW, proxy_status


def test_every_figure_of_a_live_file_is_on_the_screen() -> None:
    """A field that is renamed on one side only fails here."""
    sensors = SensorSample(
        thermal_level=1,
        package_celsius=Value(value=71.5, source="macmon:cpu_temp_avg"),
        fan_rpm=Value(value=1900, source="ismc"),
        watts=Value(value=44.2, source="shelly"),
        memory_total_bytes=64,
        memory_available_bytes=20,
        cpu_share=0.25,
    )
    sample = Sample(time_unix=NOW, monotonic_s=1.0, dt_s=5.0, sensors=sensors, proxy_up=True)
    alert = ActiveAlert(
        rule="throttle", severity="critical", route="thermal", node="a", subject="", says="throttles",
        value=6.2, unit="%", compare=">", threshold=5.0, since_unix=NOW - 60, told=True, silenced="",
        inhibited="", cause="", command="",
    )  # fmt: skip
    model = LiveModel(
        requests_5m=300, errors_5m=2, tokens_per_s=55.5, p50_ms=600.0, p95_ms=1200.0,
        first_token_p95_ms=200.0, in_flight=1, queued=0, hit_rate=0.5,
    )  # fmt: skip
    file = Live(
        time_unix=NOW, node="a", release="r", pid=1, settings_digest="d", sample=shown_sample(sample),
        throttle_pct_5m=6.2, models={"m": model}, alerts=[alert], spool_minutes=3, store_ok=False,
        incidents_open=["a-1"],
    )  # fmt: skip
    live = json.loads(msgspec.json.encode(file))
    seen = Look(node="a", seen_unix=NOW, proxy=proxy_status("a", ["m"]), live=live, live_age_s=1.0)
    view = top_view("office", [seen], NOW)
    node, row = view.nodes[0], view.models[0]
    assert (node.celsius, node.celsius_source, node.level) == (71.5, "macmon:cpu_temp_avg", 1)
    assert (node.watts, node.watts_source, node.fan_rpm, node.cpu_share) == (44.2, "shelly", 1900, 0.25)
    assert (node.throttle_pct, node.memory_used_bytes, node.memory_total_bytes) == (6.2, 44, 64)
    assert (row.requests_per_s, row.errors_5m, row.tokens_per_s, row.hit_rate) == (1.0, 2, 55.5, 0.5)
    assert (row.p50_ms, row.p95_ms, row.first_token_p95_ms) == (600.0, 1200.0, 200.0)
    assert (view.store, view.spool_minutes, view.incidents_open) == ("failing", 3, ["a-1"])
    assert [(one.rule, one.severity, one.value) for one in view.alerts] == [("throttle", "critical", 6.2)]
