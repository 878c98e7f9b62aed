"""Sample reports of simulated fleets, as PDF and as pictures of their pages, with no other program.

``python -m benchmarks.report_samples [--out docs/report] [--only calm]``. Each fleet is simulated into a
store from July on and reported as ``garnet report`` does it; equal code writes equal files.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from PIL import Image

from garnet_cli.report.contents import MonthReport
from garnet_cli.report.layout import faults
from garnet_cli.report.month import month, quarter
from garnet_cli.report.pdf import pages, render
from garnet_cli.report.preview import png
from garnet_cli.report.style import Form
from tests.garnet_cli.report.fleets import stored
from tests.simulated.spec import GIB, FleetSpec, Injected, ModelSpec, NodeSpec

BEGIN = date(2026, 7, 1)
PICTURE_PIXELS = 800
COLOURS = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One report to make."""

    name: str
    spec: FleetSpec
    customer: str
    period: str = "2026-10"
    all_pages: bool = False
    """As pictures; else page 1 only."""
    form: Form = field(default_factory=Form)


def _models(names: tuple[str, ...]) -> tuple[ModelSpec, ...]:
    return (
        ModelSpec(
            name="llama-3.3-70b",
            nodes=names[:3],
            source="mlx-community/Llama-3.3-70B-Instruct-4bit",
            requests_per_minute=9.0,
            token_ms=62.0,
            prefill_ms_per_token=7.5,
            weight_bytes=40 * GIB,
        ),
        ModelSpec(
            name="qwen3-32b",
            nodes=names[2:5],
            source="mlx-community/Qwen3-32B-4bit",
            requests_per_minute=16.0,
            token_ms=30.0,
        ),
        ModelSpec(
            name="gemma-3-27b",
            nodes=names[4:6],
            source="mlx-community/gemma-3-27b-it-4bit",
            requests_per_minute=8.0,
            token_ms=26.0,
        ),
        ModelSpec(
            name="qwen2.5-coder-14b",
            nodes=names[5:8],
            source="mlx-community/Qwen2.5-Coder-14B-Instruct-4bit",
            requests_per_minute=22.0,
            prompt_tokens=2600.0,
            completion_tokens=120.0,
            hit_rate=0.88,
            token_ms=15.0,
            prefill_ms_per_token=1.8,
            weight_bytes=8 * GIB,
        ),
        ModelSpec(
            name="llama-3.2-3b",
            nodes=(names[0], names[7]),
            source="mlx-community/Llama-3.2-3B-Instruct-4bit",
            requests_per_minute=12.0,
            prompt_tokens=500.0,
            completion_tokens=60.0,
            token_ms=6.0,
            prefill_ms_per_token=0.6,
            weight_bytes=2 * GIB,
        ),
    )


def fleet(*, days: int = 123, injected: tuple[Injected, ...] = (), seed: int = 7) -> FleetSpec:
    """Return eight nodes with five models, growing, with a clock change at the end of October."""
    names = tuple(f"mini-{number}" for number in range(1, 9))
    return FleetSpec(
        begin=BEGIN,
        days=days,
        fleet="berlin",
        timezone="Europe/Berlin",
        nodes=tuple(
            NodeSpec(name=name, power_source="shelly" if name != "mini-8" else "", memory_bytes=64 * GIB)
            for name in names
        ),
        models=_models(names),
        growth_per_week=0.022,
        injected=injected,
        seed=seed,
    )


TROUBLES = (
    Injected(kind="throttling", begin_day=95, end_day=112, node="mini-3", strength=1.6),
    Injected(kind="incident", begin_day=99.4, end_day=99.6, node="mini-3"),
    Injected(kind="incident", begin_day=106.1, end_day=106.3, node="mini-6"),
    Injected(kind="restarts", begin_day=106, end_day=106.4, node="mini-6", strength=0.6),
    Injected(kind="errors", begin_day=101, end_day=108, model="gemma-3-27b", strength=1.0),
    Injected(kind="cache_evictions", begin_day=94, end_day=123, model="qwen2.5-coder-14b", strength=1.0),
    Injected(kind="model_evicted", begin_day=103, end_day=104, model="llama-3.2-3b", node="mini-8"),
    Injected(
        kind="traffic_moved", begin_day=104, end_day=123, model="qwen3-32b", node="mini-5", strength=0.9
    ),
    Injected(kind="missing_minutes", begin_day=99.5, end_day=101.2, node="mini-3", strength=1.0),
)
HALF = (
    *(
        Injected(kind="missing_minutes", begin_day=92, end_day=124, node=node, strength=1.0)
        for node in ("mini-1", "mini-4", "mini-7")
    ),
    Injected(kind="missing_minutes", begin_day=110, end_day=116, strength=0.98),
)
SAMPLES = (
    Sample(name="calm", spec=fleet(), customer="Meridian Analytics", all_pages=True),
    Sample(name="troubled", spec=fleet(injected=TROUBLES, seed=8), customer="Meridian Analytics"),
    Sample(
        name="half",
        spec=fleet(injected=HALF, seed=9),
        customer="Meridian Analytics",
        form=Form(paper="letter"),
    ),
    Sample(name="quarter", spec=fleet(days=92), customer="Meridian Analytics", period="2026-Q3"),
)


def made(sample: Sample, folder: Path) -> MonthReport:
    """Return the sample's report, of its fleet simulated below ``folder``."""
    there = stored(sample.spec, folder)
    end_unix = sample.spec.end_unix
    choose = quarter if "Q" in sample.period else month
    span = choose(sample.period, sample.spec.timezone, end_unix + 1)
    return replace(there.report(span, end_unix), customer=sample.customer)


def small(picture: bytes) -> bytes:
    """Return the picture in few colours: a page has no more."""
    written = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(written, "PNG", optimize=True)
    return written.getvalue()


def write(sample: Sample, out: Path) -> None:
    """Write one sample's files, and tell what they are on stdout."""
    with tempfile.TemporaryDirectory(prefix="garnet-samples-") as name:
        report = made(sample, Path(name))
    begun = time.perf_counter()
    document = render(report, sample.form)
    seconds = time.perf_counter() - begun
    (out / f"{sample.name}.pdf").write_bytes(document)
    drawn = pages(report, sample.form)
    for number, page in enumerate(drawn if sample.all_pages else drawn[:1], start=1):
        (out / f"{sample.name}-{number:02d}.png").write_bytes(small(png(page, PICTURE_PIXELS)))
    print(f"{sample.name}: {len(drawn)} pages, {len(document) // 1024} KiB, drawn in {seconds:.1f} s")
    for fault in faults(drawn):
        print(f"  {fault}", file=sys.stderr)


def main() -> None:
    """Write the samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/report"))
    parser.add_argument("--only", choices=[sample.name for sample in SAMPLES], action="append")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        if not arguments.only or sample.name in arguments.only:
            write(sample, arguments.out)


if __name__ == "__main__":
    main()
