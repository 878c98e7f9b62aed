"""The dashboard in a real browser: phone and desk, light and dark, keyboard, hostile names, renewal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garnet_cli.dashboard.page import page_html
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.dashboard.serve import dashboard_server
from tests.fleet.browser import CHROMIUM, DRIVER, MISSING, Browser, browsing
from tests.garnet_cli.dashboard.pages import NOW, fleet, made_of, working_day
from tests.garnet_cli.dashboard.simulated import MODELS, NODES, event, minutes

pytestmark = [pytest.mark.fleet, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING)]

RACK = tuple(f"rack-{number // 8}-mini-{number % 8}-at-the-window" for number in range(64))
SHELF = tuple(f"model-{number}-with-a-very-long-name-that-goes-on-4bit-mlx" for number in range(40))
EVIL = "</script><img src=x onerror='window.pwned=1'>\"&\u2028"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one browser for all tests of this file."""
    with browsing() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of pages in many states, as files."""
    folder = tmp_path_factory.mktemp("pages")
    last = NOW // 60 * 60 - 60
    evil_minutes = list(minutes(last - 600, last, (EVIL,), (EVIL,)))
    evil_event = event(
        NOW - 60, "alert", EVIL, "fired", {"node": EVIL, "subject": EVIL, "cause": EVIL}, by=EVIL
    )
    documents: dict[str, PageData] = {
        "day": working_day(),
        "rack": working_day(RACK, SHELF, hours=0.5, per_minute=1),
        "one node": working_day(NODES[:1], MODELS[:1], hours=1),
        "one minute": made_of(list(minutes(last, last + 60, NODES[:1])), fleet(NODES[:1])),
        "nothing": made_of([], fleet()),
        "nobody": made_of([], fleet((), ())),
        "evil": made_of(evil_minutes, fleet((EVIL,), (EVIL,), name=EVIL), events=[evil_event], hours=1),
    }
    for name, document in documents.items():
        (folder / f"{name}.html").write_text(page_html(document), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in documents}


STATES = ["day", "rack", "one node", "one minute", "nothing", "nobody", "evil"]


@pytest.mark.parametrize("width", [360, 768, 1000, 1280])
@pytest.mark.parametrize("state", STATES)
def test_no_state_scrolls_sideways_cuts_text_or_complains(
    browser: Browser, pages: dict[str, str], state: str, width: int
) -> None:
    """From file://, at a phone's width and at a desk's."""
    browser.view(width)
    browser.open(pages[state])
    assert browser.complaints() == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    cut = browser.run(
        """return [...document.querySelectorAll('td, th, dd, dt, h1, h2, h3, p, .card, figure')]
        .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !one.closest('.hidden'))
        .filter((one) => !one.matches('.hidden, thead *, .skip'))
        .map((one) => [one.tagName, one.className, one.textContent.slice(0, 60)])"""
    )
    assert cut == []


def test_every_figure_is_in_the_page(browser: Browser, pages: dict[str, str]) -> None:
    """Totals, nodes, models, charts, cost with its assumption, completeness, alerts and changes."""
    browser.view(1280)
    browser.open(pages["day"])
    text: str = browser.run("return document.body.innerText")
    for part in (
        *("office", "All 6 nodes report, 1 alert firing", "clock", "a fuse blew"),
        *(*NODES, *MODELS, "written off evenly over 36 months", "$0.30 a kWh", "swap flip", "ana@office"),
        *("macmon", "shelly", "420 GB", "node minutes"),
    ):
        assert part in text, part
    assert browser.run("return document.querySelectorAll('figure svg path').length") >= 6
    assert "NaN" not in text
    assert "undefined" not in text


def test_nothing_known_is_said_as_unknown(browser: Browser, pages: dict[str, str]) -> None:
    """An empty store: a sentence that says what to do, dashes, and no zero that was not counted."""
    browser.view(1280)
    browser.open(pages["nothing"])
    text: str = browser.run("return document.body.innerText")
    assert "No minute of this window is in the store yet" in text
    figures = browser.run("return [...document.querySelectorAll('dd.figure')].map((one) => one.textContent)")
    assert figures == [*["\u2013"] * 5, "n/a"]
    cells = browser.run(
        "return [...document.querySelectorAll('#nodes td, #models td')].map((td) => td.innerText)"
    )
    assert "0" not in cells


def test_names_with_markup_are_text(browser: Browser, pages: dict[str, str]) -> None:
    """Nothing in a name runs, and the name is shown as it is."""
    browser.view(1280)
    browser.open(pages["evil"])
    assert browser.run("return window.pwned === undefined")
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert "onerror" in browser.run("return document.querySelector('#nodes').innerText")
    assert "onerror" in browser.run("return document.title")


def test_arrow_keys_move_along_the_time_axis_with_a_readout(browser: Browser, pages: dict[str, str]) -> None:
    """By keyboard alone: Tab, arrows, Home, End; all charts follow, and a screen reader hears it."""
    browser.view(1280)
    browser.open(pages["day"])
    browser.run("document.getElementById('pick-node').focus()")
    browser.press("tab")
    focused = "return document.activeElement.getAttribute(arguments[0])"
    assert browser.run(focused, "role") == "slider"
    assert browser.run(focused, "aria-label") == "Latency"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.run(outline) == "solid"
    browser.press("home")
    assert browser.run(focused, "aria-valuenow") == "0"
    browser.press("right", "right", "left")
    assert browser.run(focused, "aria-valuenow") == "1"
    told: str = browser.run(focused, "aria-valuetext")
    assert "p95" in told
    assert "s, p50" in told
    seen = browser.run("return [...document.querySelectorAll('.plot')].map((one) => one.ariaValueNow)")
    assert set(seen) == {"1"}
    assert browser.run("return document.querySelectorAll('.cursor').length") == 6
    browser.press("end", "right")
    assert browser.run(focused, "aria-valuenow") == browser.run(focused, "aria-valuemax")


def test_everything_that_acts_can_be_reached_by_tab_in_order(browser: Browser, pages: dict[str, str]) -> None:
    """The skip link first, then selects, then each chart with its table."""
    browser.view(1280)
    browser.open(pages["day"])
    order: list[str] = []
    for _ in range(16):
        browser.press("tab")
        order.append(browser.run("return document.activeElement.tagName"))
    assert order[:3] == ["A", "SELECT", "SELECT"]
    assert order[3:15] == ["DIV", "SUMMARY"] * 6


def test_each_chart_has_its_figures_as_a_table(browser: Browser, pages: dict[str, str]) -> None:
    """One row a step, latest first."""
    browser.view(1280)
    browser.open(pages["day"])
    browser.run("document.querySelectorAll('figure details').forEach((one) => (one.open = true))")
    counts = "return [...document.querySelectorAll('figure tbody')].map((one) => one.rows.length)"
    _until(lambda: browser.run(counts) == [288] * 6)


def test_picking_a_model_and_a_node_changes_the_charts(browser: Browser, pages: dict[str, str]) -> None:
    """Latency follows the model, temperature the node."""
    browser.view(1280)
    browser.open(pages["day"])
    readouts = "return [...document.querySelectorAll('.readout')].map((one) => one.textContent)"
    before = browser.run(readouts)
    for select, value in (("pick-model", MODELS[2]), ("pick-node", NODES[2])):
        browser.run(
            "const one = document.getElementById(arguments[0]); one.value = arguments[1];"
            "one.dispatchEvent(new Event('change'))",
            select,
            value,
        )
    after = browser.run(readouts)
    assert before[0] != after[0]
    assert NODES[2] in after[3]


def test_a_long_list_opens_by_its_button_and_focus_goes_on(browser: Browser, pages: dict[str, str]) -> None:
    """64 nodes: twelve are shown; the rest on demand, and the keyboard is where it was needed."""
    browser.view(1280)
    browser.open(pages["rack"])
    rows = "return document.querySelectorAll('#nodes tbody tr').length"
    assert browser.run(rows) == 12
    browser.run("document.querySelector('#nodes .more').click()")
    assert browser.run(rows) == 64
    assert browser.run("return document.activeElement.rowIndex") == 13


def test_dark_and_light_differ_and_follow_the_system(browser: Browser, pages: dict[str, str]) -> None:
    """By prefers-color-scheme alone."""
    grounds, pictures = [], []
    for scheme in ("light", "dark"):
        browser.view(1280, scheme="light" if scheme == "light" else "dark")
        browser.open(pages["day"])
        grounds.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
        pictures.append(browser.picture())
    assert grounds == ["rgb(250, 248, 246)", "rgb(20, 17, 19)"]
    assert pictures[0] != pictures[1]


def test_layout_does_not_shift_while_it_loads_or_is_read(browser: Browser, pages: dict[str, str]) -> None:
    """Cumulative layout shift is nothing, also while the cursor moves."""
    browser.view(1280)
    browser.open(pages["day"])
    browser.run(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) =>"
        "(window.shift += one.value))).observe({ type: 'layout-shift', buffered: true });"
    )
    heights = "return [...document.querySelectorAll('figure')].map((one) => one.offsetHeight)"
    before = browser.run(heights)
    browser.run("document.querySelector('.plot').focus()")
    browser.press("home", "right", "end", "left")
    assert browser.run(heights) == before
    assert browser.run("return window.shift") < 0.001


def test_a_served_page_renews_itself_and_says_when_it_cannot(browser: Browser) -> None:
    """The page asks for data.json beside it; when the server is gone it keeps what it has and says so."""
    asked = 0

    def build() -> PageData:
        nonlocal asked
        asked += 1
        return working_day(NODES[: 1 + asked], hours=1, refresh_s=1)

    server = dashboard_server(build, 0, lambda _: None, keep_s=0.0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        browser.view(1280)
        browser.open(f"http://127.0.0.1:{server.server_address[1]}/")
        rows = "return document.querySelectorAll('#nodes tbody tr').length"
        assert browser.run(rows) >= 2
        _until(lambda: browser.run(rows) > 3)
        assert browser.complaints() == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    _until(lambda: "no newer data" in browser.run("return document.getElementById('generated').textContent"))
    assert browser.run(rows) > 3
    browser.complaints()


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_a_file_of_the_page_asks_nothing_of_the_network(browser: Browser, pages: dict[str, str]) -> None:
    """Not one request beyond the file itself."""
    browser.view(1280)
    browser.open(pages["day"])
    assert browser.run("return performance.getEntriesByType('resource').map((one) => one.name)") == []
    assert Path(pages["day"].removeprefix("file://")).stat().st_size < 600_000
