"""The command lines of a node's jobs."""

from __future__ import annotations

from garnet_cli.fleet.jobs import NodeLayout, loader_job
from node_scripts.contracts import LoaderSpec
from node_scripts.loader import parse_options

LAYOUT = NodeLayout(root="/g", environments="/g/envs")
SPEC = LoaderSpec(
    name="loader-1", model="m", artifact="a", runtime="r", http_socket="/g/run/h", stats_socket="/g/run/s"
)


def options_of(cache_bytes: int | None) -> list[str]:
    """Return the loader's own options."""
    job = loader_job(
        LAYOUT, SPEC, "/g/served/loader-1", release="1", environment="e", context=4096, concurrency=4,
        cache_bytes=cache_bytes,
    )  # fmt: skip
    return job.argv[3:]


def test_a_loader_bounds_its_cache_itself_unless_told() -> None:
    """Two contexts, which only the model's config says in bytes, in ten sequences."""
    options = parse_options(options_of(None))
    assert (options.context, options.concurrency, options.prompt_cache_bytes) == (4096, 4, None)
    assert options.prompt_cache_size == 10


def test_a_cache_of_its_own_size_is_bounded_by_its_bytes() -> None:
    """Ten short sequences would else keep it from ever being full."""
    options = parse_options(options_of(3 * 1024**3))
    assert options.prompt_cache_bytes == 3 * 1024**3
    assert options.prompt_cache_size >= 1000
