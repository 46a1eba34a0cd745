"""The report in a browser: headless Chromium, where it and playwright are installed."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image
from synthetic_stores import add_match, make_store

from madcore.report import write_report
from madcore.store import Store

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make browser-test")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
SIZES = {"phone": (390, 844), "laptop": (1366, 768), "wide": (2200, 1200)}
VIEWS = ("summary", "disagreement", "standings", "transfer", "envelopes", "matches", "metrics")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    store = make_store(folder / "store", metrics=("mse", "ssim", "nlpd"), pictures=("camera", "coffee"))
    write_report(store, folder / "report.html")
    return store, folder / "report.html"


@pytest.fixture
def opened(browser, report):
    """The report, with everything that it says on the console and every request that it makes."""
    page = browser.new_page(viewport={"width": 1366, "height": 1500})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(report[1].as_uri())
    yield page
    page.close()


def go(page, view):
    page.evaluate("view => { location.hash = view; }", view)
    page.wait_for_selector(f"#{view.split('/')[0].split('?')[0]}.current")


def first_match(page):
    match = page.evaluate("DATA.matches[0].id")
    go(page, f"match/{match}")
    page.wait_for_selector(".panels img")
    page.wait_for_function("[...document.querySelectorAll('.panels img')].every(image => image.complete)")
    return match


def screen(page):
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def shown(page, selector):
    """The screen's pixels of the picture in a frame that is not larger than the frame."""
    box = page.locator(f"{selector} img:visible").first.bounding_box()
    left, top, width, height = (round(box[name]) for name in ("x", "y", "width", "height"))
    return screen(page)[top : top + height, left : left + width]


def enlarged(content, scale):
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    return pixels.repeat(scale, 0).repeat(scale, 1)


def test_views_work_without_errors_and_requests(opened):
    for view in VIEWS:
        go(opened, view)
        assert opened.query_selector_all("main > section.current") != []
    first_match(opened)
    assert opened.said == []
    assert all(url.startswith(("file:", "data:")) for url in opened.asked)
    assert len([url for url in opened.asked if url.startswith("file:")]) == 1


def test_panels_show_exact_pixels(opened, report):
    match = first_match(opened)
    opened.keyboard.press("0")
    scale = int(opened.inner_text(".zoom").split()[-1])
    for name in ("a_min", "b_max"):
        expected = enlarged(report[0].read(match, f"{name}.png"), scale)
        assert np.array_equal(shown(opened, f'[data-name="{name}"] .frame'), expected)


def test_zoom_and_pan_move_all_panels_in_step(opened, report):
    match = first_match(opened)
    for key in ("0", "+", "+", "ArrowRight", "ArrowDown"):
        opened.keyboard.press(key)
    boxes = opened.evaluate(
        """[...document.querySelectorAll('.panels .frame')].map(frame => {
            const [outer, inner] = [frame, frame.firstChild].map(each => each.getBoundingClientRect());
            return [inner.left - outer.left, inner.top - outer.top, inner.width, inner.height]; })"""
    )
    assert len(boxes) == 6
    # panels begin at different fractions of a screen pixel, images at whole ones
    assert np.ptp(np.array(boxes), axis=0).max() <= 1
    frame = opened.query_selector('[data-name="a_max"] .frame')
    scale = int(opened.inner_text(".zoom").split()[-1])
    outer, inner = frame.bounding_box(), frame.query_selector("img").bounding_box()
    at = [round(outer[name]) + 4 for name in ("y", "x")]  # inside the frame, whatever its edges
    top, left = (first - round(inner[name]) for first, name in zip(at, ("y", "x"), strict=True))
    expected = enlarged(report[0].read(match, "a_max.png"), scale)[top : top + 200, left : left + 200]
    assert expected.shape == (200, 200, 3)
    assert np.array_equal(screen(opened)[at[0] : at[0] + 200, at[1] : at[1] + 200], expected)


def test_keys_flip_between_two_images_in_one_place(opened, report):
    match = first_match(opened)
    opened.keyboard.press("3")
    opened.keyboard.press("4")
    scale = int(opened.inner_text(".zoom").split()[-1])
    places = []
    for name in ("a_max", "a_min", "a_max"):
        assert np.array_equal(shown(opened, ".frame"), enlarged(report[0].read(match, f"{name}.png"), scale))
        places.append(opened.locator(".frame img:visible").bounding_box())
        opened.keyboard.press("Space")
    assert places[0] == places[1] == places[2]


def test_difference_has_the_stated_gain(opened, report):
    match = first_match(opened)
    for key in ("3", "4", "d"):
        opened.keyboard.press(key)
    scale = int(opened.inner_text(".zoom").split()[-1])
    low, high = (enlarged(report[0].read(match, f"{name}.png"), scale).astype(int) for name in ("a_min", "a_max"))
    expected = np.minimum(np.abs(high - low) * 4, 255)
    assert np.abs(shown(opened, ".frame").astype(int) - expected).max() <= 2  # the browser's rounding
    assert "times 4" in opened.inner_text(".panels figcaption")


def test_flicker_obeys_reduced_motion(browser, report):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(report[1].as_uri())
    first_match(page)
    page.keyboard.press("f")
    assert "press Space" in page.inner_text(".panels figcaption")
    assert page.evaluate("viewer.timer") is None
    page.close()


def test_flicker_is_slower_than_three_changes_a_second(opened):
    first_match(opened)
    opened.keyboard.press("f")
    before = opened.evaluate("viewer.shown")
    opened.wait_for_function(f"viewer.shown !== {before}")
    assert opened.evaluate("FLICKER") >= 334
    opened.keyboard.press("f")
    assert opened.evaluate("viewer.timer") is None


def test_a_cell_leads_to_its_matches(opened):
    go(opened, "disagreement")
    cell = opened.query_selector(".matrix td a")
    cell.focus()
    assert opened.inner_text("#disagreement .said") == cell.get_attribute("data-said")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#matches.current .cards li")
    assert opened.inner_text("#matches .count").startswith("2 of 6")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.tagName") == "SELECT"


def test_numbers_in_the_page_are_those_of_the_store(opened, report):
    match = first_match(opened)
    record = report[0].record(match)
    rows = opened.eval_on_selector_all(
        "[aria-label='Values under all metrics'] tbody tr",
        "rows => rows.map(row => [...row.children].map(e => e.innerText))",
    )
    seen = {row[0]: row[2:] for row in rows}
    for letter, metric in record["made"]["names"].items():
        values = [entry["exact"][letter] for entry in record["images"].values()]
        assert [float(text) for text in seen[metric]] == pytest.approx(values, rel=1e-5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_overflows(browser, report, size, scheme):
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(report[1].as_uri())
    for view in (*VIEWS, f"match/{page.evaluate('DATA.matches[0].id')}"):
        go(page, view)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), view
    page.close()


@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
def test_accessibility_rules(browser, report, scheme, rules):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=scheme)
    page.goto(report[1].as_uri())
    for view in (*VIEWS, f"match/{page.evaluate('DATA.matches[0].id')}"):
        go(page, view)
        results = axe.Axe().run(page, options={"runOnly": rules} if rules else {})
        assert results.violations_count == 0, f"{view}: {results.generate_report()}"
    page.close()


def test_exponents_stay_with_their_numbers(opened):
    first_match(opened)
    breakable = opened.evaluate(
        """() => {
          const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), found = [];
          while (walker.nextNode()) {
            const { data, parentElement } = walker.currentNode;
            const style = getComputedStyle(parentElement);
            if (/\\de-\\d/.test(data) && style.whiteSpace !== "nowrap" && !parentElement.closest("script, pre, svg"))
              found.push(data);
          }
          return found;
        }"""
    )
    assert breakable == []
    assert "1e-6" in opened.inner_text("#match")


def test_zooming_moves_nothing_else(opened):
    first_match(opened)
    where = "document.querySelector('#match h3').getBoundingClientRect().top + scrollY"
    before = opened.evaluate(where)
    opened.keyboard.press("+")
    assert opened.evaluate(where) == before


def test_envelopes_of_many_matches_stay_in_their_frames(browser, tmp_path):
    store = Store.create(tmp_path / "store")
    for seed in range(120):
        add_match(store, "mse", "ssim", "camera", seed=seed, images=False)
        add_match(store, "mse", "ssim", "camera", "0.12", seed=seed, images=False)
    write_report(store, tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    go(page, "envelopes")
    beyond = page.evaluate(
        """[...document.querySelectorAll('.charts figure')].flatMap(figure => {
            const frame = figure.querySelector('.frame').getBBox();
            return [...figure.querySelectorAll('.reach')].map(line => line.getBBox())
                .filter(box => box.x < frame.x || box.x + box.width > frame.x + frame.width); }).length"""
    )
    assert page.locator(".charts .reach").count() > 200
    assert beyond == 0
    page.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_summary_opens_with_whole_pixels(browser, report, size):
    page = browser.new_page(viewport=dict(zip(("width", "height"), SIZES[size], strict=True)))
    page.goto(report[1].as_uri())
    page.wait_for_function("[...document.querySelectorAll('#summary .pair img')].every(image => image.complete)")
    scales = page.eval_on_selector_all(
        "#summary .pair img",
        "all => all.map(each => [each.width / each.naturalWidth, each.height / each.naturalHeight])",
    )
    assert len(scales) == 3
    assert len({scale for pair in scales for scale in pair}) == 1
    assert scales[0][0] in range(1, 320)
    page.close()


def test_levels_to_choose_from_are_in_order(browser, tmp_path):
    store = make_store(tmp_path / "store", levels=("0.1", "0.03"))
    write_report(store, tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    for view in ("matches", "transfer"):
        go(page, view)
        chosen = page.eval_on_selector_all(f"#{view} select[name=level] option", "all => all.map(each => each.value)")
        assert chosen == ["", "noise:0.03", "noise:0.1"]
    page.close()


def test_missing_pictures_are_said(browser, tmp_path):
    store = Store.create(tmp_path / "store")
    add_match(store, "<script>alert(1)</script>", "ssim", "camera", images=False)
    write_report(store, tmp_path / "report.html")
    page = browser.new_page()
    said = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto((tmp_path / "report.html").as_uri())
    go(page, f"match/{page.evaluate('DATA.matches[0].id')}")
    assert page.locator(".panels .missing").count() == 5
    assert said == []
    page.close()


def test_thousand_matches_are_ready_in_a_second(browser, tmp_path):
    store = Store.create(tmp_path / "store")
    for seed in range(1000):
        add_match(store, "mse", "ssim", "camera", seed=seed, images=False)
    write_report(store, tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert page.evaluate("DATA.matches.length") == 1000
    assert ready < 1000
    page.close()
