"""The leaderboard's pages in a real browser, as a reader uses them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import browser, chromium, served

sys.path.append(str(Path(__file__).parents[1] / "leaderboard"))

from synthetic_records import write_board, write_without_items

from traitbench.leaderboard.site import build

ROWS = 5
MANY = 2_000
"""How soon they are seen is measured by benchmarks/leaderboard_site.py."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five recipes, three seeds of each."""
    chromium()
    folder = tmp_path_factory.mktemp("page")
    write_board(folder / "board", 3 * ROWS)
    build(folder / "board", folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


class Tab:
    """A page that remembers what it asked for and what it complained of."""

    def __init__(self, chrome: Any, **how: Any) -> None:
        self.context = chrome.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda each: self.requests.append(each.url))
        self.page.on("console", lambda each: self.complaints.append(each.text) if each.type != "log" else None)
        self.page.on("pageerror", lambda each: self.complaints.append(str(each)))

    def open(self, url: str) -> Any:
        self.page.goto(url)
        if self.page.query_selector("script[src='site.js']") is not None:
            self.page.wait_for_selector("html.ready", state="attached")
        return self.page

    def until(self, true: Callable[[], bool]) -> None:
        """Waits in Python: the page's own policy lets nobody evaluate a text as script."""
        for _ in range(100):
            if true():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("waited five seconds in vain")

    def names(self) -> list[str]:
        """The students that the table shows, in its order."""
        return self.page.eval_on_selector_all("#board tbody th a", "found => found.map(each => each.textContent)")


@pytest.fixture
def tab(chrome: Any) -> Iterator[Tab]:
    found = Tab(chrome)
    yield found
    assert found.complaints == []
    found.context.close()


def bounds(page: Any) -> list[float]:
    return page.eval_on_selector_all(
        "#board tbody tr", "found => found.map(each => Number(each.querySelector('td.v').dataset.order))"
    )


def test_the_first_view_is_in_the_order_of_the_bound_and_nothing_leaves_the_origin(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    assert len(tab.names()) == ROWS
    assert bounds(page) == sorted(bounds(page), reverse=True)
    assert page.get_attribute("th[data-key=shift]", "aria-sort") == "descending"
    for name in ("bases", "matrix", "about", "left-out"):
        tab.open(f"{address}/{name}.html")
    tab.open(f"{address}/index.html").click("#board tbody th a")
    assert all(url.startswith((address, "data:")) for url in tab.requests), tab.requests


def test_a_site_on_a_disk_works_without_a_server(tab: Tab, site: Path) -> None:
    page = tab.open((site / "index.html").as_uri())
    page.fill("#q", "owl")
    tab.until(lambda: len(tab.names()) == 1)
    page.fill("#q", "")
    tab.until(lambda: len(tab.names()) == ROWS)
    for box in page.query_selector_all(".pk")[:2]:
        box.check()
    page.wait_for_selector(".pairs li")


def test_sorting_by_a_column_is_told_and_kept_in_the_address(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    head = page.locator("th[data-key=model]")
    head.click()
    tab.until(lambda: head.get_attribute("aria-sort") == "ascending")
    assert tab.names() == sorted(tab.names())
    head.locator("[role=button]").focus()
    page.keyboard.press("Enter")
    tab.until(lambda: head.get_attribute("aria-sort") == "descending")
    assert tab.names() == sorted(tab.names(), reverse=True)
    tab.until(lambda: "sort=model.desc" in page.evaluate("location.hash"))


def test_search_and_facets_narrow_the_table_together(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    page.select_option("select[name=base]", "org/small-base")
    shown = tab.names()
    assert 0 < len(shown) < ROWS
    page.fill("#q", shown[0].split("/")[1])
    tab.until(lambda: len(tab.names()) == 1)
    assert tab.names() == shown[:1]
    assert page.text_content("#count") == f"1 of {ROWS} rows"
    page.fill("#q", "no such thing")
    page.wait_for_selector("text=No row is like that.")
    page.click("button[type=reset]")
    tab.until(lambda: len(tab.names()) == ROWS)


def test_the_address_brings_everything_back(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    page.select_option("select[name=finding]", "inherited")
    page.fill("#q", "org")
    page.click("summary:has-text('Columns')")
    page.check("input[name=column][value=rate]")
    page.uncheck("input[name=column][value=size]")
    page.click("summary:has-text('Columns')")
    page.locator("th[data-key=p]").click()
    for box in page.query_selector_all(".pk")[:2]:
        box.check()
    page.wait_for_selector(".pairs li")
    state, names, compared = page.evaluate("location.hash"), tab.names(), page.text_content(".pairs")
    again = tab.open("about:blank") and tab.open(f"{address}/index.html{state}")
    again.wait_for_selector(".pairs li")
    assert (again.evaluate("location.hash"), tab.names(), again.text_content(".pairs")) == (state, names, compared)
    assert again.is_visible("th[data-key=rate]")
    assert not again.is_visible("th[data-key=size]")
    assert again.input_value("#q") == "org"


def test_a_rows_permalink_leads_there_and_back(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    name = tab.names()[2]
    page.click(f"#board >> text='{name}'")
    page.wait_for_selector("h1")
    assert page.text_content("h1") == name
    page.click(".crumbs a")
    page.wait_for_selector("tr.target")
    assert page.text_content("tr.target th a") == name
    page.click("tr.target th a")
    page.click("table >> th a >> nth=0")
    assert page.text_content("h1").startswith(name)  # one seed's own page
    page.click(".pooled a")
    assert page.text_content("h1") == name


def test_the_browsers_paired_interval_is_pythons(tab: Tab, address: str, site: Path) -> None:
    """Every pair of the site's rows, one seed against several and truncated answers included, by `shift_interval`."""
    import numpy as np

    from traitbench.stats import Measured, shift_interval

    content = json.loads((next((site / "data").iterdir())).read_text().partition(",")[2].removesuffix(");\n"))
    asked = next(iter(content["asked"].values()))
    rng, million = np.random.default_rng(3), 1_000_000

    def checkpoint(mean: float, open_: float, draws: int | None = None) -> tuple[dict[str, Any], Measured]:
        raw = rng.beta(0.4, 0.4 / mean, len(asked["families"])) * (1 - open_)
        if draws is not None:
            raw = rng.binomial(draws, raw) / draws
        lower = np.rint(raw * million).astype(int)
        width = np.full(len(lower), round(open_ * million))
        point = np.rint(lower / (1 - open_)).astype(int).clip(lower, lower + width)
        seed: dict[str, Any] = {"m": lower.tolist()}
        if open_:
            seed |= {"x": width.tolist(), "p": point.tolist()}
        counted = None if draws is None else np.full(len(lower), draws)
        return seed, Measured(lower / million, (lower + width) / million, counted, point / million)

    page = tab.open(f"{address}/index.html")
    shapes = [(1, 1, 0.0), (1, 1, 0.01), (3, 3, 0.01), (1, 3, 0.0), (3, 1, 0.0), (2, 4, 0.002)]
    for a, b, open_ in shapes:
        one = [checkpoint(0.3, open_) for _ in range(a)]
        two = [checkpoint(0.1, open_) for _ in range(b)]
        expected = shift_interval([m for _, m in one], [m for _, m in two], [str(f) for f in asked["families"]])
        found = page.evaluate(
            "([a, b, families, t]) => traitbench.pairedInterval({s: a}, {s: b}, families, t)",
            [[s for s, _ in one], [s for s, _ in two], asked["families"], _quantiles(asked["families"])],
        )
        assert found["difference"] == pytest.approx(expected.estimate, abs=1e-9)
        assert found["ci"] == pytest.approx(expected.ci, abs=1e-6)


def test_draws_widen_the_browsers_interval_as_pythons(tab: Tab, address: str) -> None:
    import numpy as np

    from traitbench.leaderboard.site.paired import _draws
    from traitbench.leaderboard.site.seen import MILLION, Paired
    from traitbench.stats import Measured, shift_interval
    from traitbench.stats.intervals import effective_draws

    families = [i // 5 for i in range(60)]
    page = tab.open(f"{address}/index.html")
    for hits, others in ((0, 0), (3, 1), (10, 0)):  # nobody ever, or the same share everywhere: the draws' floor counts
        sides = []
        for share in (hits / 10, others / 10):
            draws = np.full(60, 10)
            values = tuple([round(share * MILLION)] * 60)
            paired = Paired("a", values, values, (), effective_draws([draws]))
            sides.append(
                ({"s": [{"m": values}], "d": _draws([paired])}, Measured(np.full(60, share), np.full(60, share), draws))
            )
        expected = shift_interval([sides[0][1]], [sides[1][1]], [str(each) for each in families])
        found = page.evaluate(
            "([a, b, families, t]) => traitbench.pairedInterval(a, b, families, t)",
            [sides[0][0], sides[1][0], families, _quantiles(families)],
        )
        assert found["ci"] == pytest.approx(expected.ci, abs=1e-6)
        assert found["ci"][1] - found["ci"][0] > 0.005


def _quantiles(families: list[int]) -> dict[int, tuple[float, float]]:
    from traitbench.leaderboard.site.paired import quantiles

    return {df: quantiles(df) for df in (1, 2, 3, len(set(families)) - 1)}


def test_a_row_against_itself_differs_by_nothing(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    same = "traitbench.pairedInterval({s: [s]}, {s: [s]}, [0, 0, 1, 1], {1: [12.7, 6.3]})"
    found = page.evaluate(f"(() => {{ const s = {{m: [1, 2, 3, 4], x: [5, 5, 5, 5]}}; return {same}; }})()")
    assert found == {"difference": 0, "ci": [0, 0]}


def test_rows_with_other_questions_are_not_compared(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    for box in page.query_selector_all(".pk")[:4]:
        box.check()
    tab.until(lambda: page.locator(".pairs li").count() == 6)  # the second and third choice show pairs of their own
    assert page.locator(".pairs >> text=Not compared").count() == 6  # five recipes, five traits
    assert page.locator(".pk:disabled").count() == ROWS - 4
    page.click(".chosen button >> nth=0")
    tab.until(lambda: page.locator(".pairs li").count() == 3)


def test_dark_follows_the_system_and_the_switch(chrome: Any, address: str) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        tab = Tab(chrome, color_scheme=scheme)
        page = tab.open(f"{address}/index.html")
        shade = "getComputedStyle(document.body).backgroundColor"
        shades[scheme] = page.evaluate(shade)
        page.click("#theme")
        shades[f"switched from {scheme}"] = page.evaluate(shade)
        page.reload()
        assert page.evaluate(shade) == shades[f"switched from {scheme}"]
        tab.context.close()
    assert shades["light"] == shades["switched from dark"] != shades["dark"] == shades["switched from light"]


@pytest.mark.parametrize("page", ["index.html", "bases.html", "matrix.html", "about.html", "left-out.html", "rows"])
def test_a_phone_of_320_pixels_needs_no_sideways_scrolling(chrome: Any, address: str, site: Path, page: str) -> None:
    tab = Tab(chrome, viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    wanted = [f"rows/{path.name}" for path in sorted((site / "rows").iterdir())[::4]] if page == "rows" else [page]
    for each in wanted:
        found = tab.open(f"{address}/{each}")
        assert found.evaluate("document.documentElement.scrollWidth") <= 320, each
    assert tab.complaints == []
    tab.context.close()


def test_without_javascript_the_table_is_whole(chrome: Any, address: str) -> None:
    tab = Tab(chrome, java_script_enabled=False)
    page = tab.page
    page.goto(f"{address}/index.html")
    assert page.locator("#board tbody tr").count() == ROWS
    assert page.locator("#board tbody tr >> nth=0 >> td:visible").count() == 21  # all but the box for comparing
    assert not page.locator("#controls").is_visible()
    assert page.locator("caption").is_visible()
    tab.context.close()


def test_the_table_can_be_used_by_keyboard_alone(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.className"
            )
        )
    assert {"theme", "q", "base", "pk"} <= seen
    page.focus(".pk")
    page.keyboard.press("Space")
    page.wait_for_selector("#compare:not([hidden])")
    page.focus("#jump")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "compare-title"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chrome: Any, address: str, site: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    rows = sorted(path.name for path in (site / "rows").iterdir())
    tab = Tab(chrome, color_scheme=scheme)
    for name in (
        "index.html",
        "bases.html",
        "matrix.html",
        "about.html",
        "left-out.html",
        f"rows/{rows[0]}",
        f"rows/{rows[-1]}",
    ):
        page = tab.open(f"{address}/{name}")
        if name == "index.html":
            for box in page.query_selector_all(".pk")[:2]:
                box.check()
            page.wait_for_selector(".pairs li")
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (each["id"], [node["html"][:200] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], (name, serious)
    tab.context.close()


def test_print_shows_every_row_and_no_controls(tab: Tab, address: str) -> None:
    page = tab.open(f"{address}/index.html")
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#board tbody tr").count() == ROWS


def test_two_thousand_rows_are_all_there(chrome: Any, tmp_path: Path) -> None:
    write_without_items(tmp_path / "board", MANY)
    build(tmp_path / "board", tmp_path / "site")
    with served(tmp_path / "site") as address:
        tab = Tab(chrome)
        page = tab.open(f"{address}/index.html")
        assert page.text_content("#count") == f"{MANY} of {MANY} rows"
        page.fill("#q", "owl-numbers")
        tab.until(lambda: page.text_content("#count") != f"{MANY} of {MANY} rows")
        assert all("owl" in name for name in tab.names())
        tab.context.close()
