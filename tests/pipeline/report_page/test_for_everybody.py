"""The page is for everybody: contrast, phones, themes, hostile names, names for those who do not see, 500 people."""

from __future__ import annotations

import pytest

from chromium import find_chromium
from report_runs import HOSTILE, crowd, link, two_people, visit, write_linking, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

FOCUS = "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent)"
NAMES = "[...document.querySelectorAll('.lane .name')].map((one) => one.textContent)"
DESKTOP_HEIGHT = 800


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_phone", [False, True], ids=["desktop", "phone"])
def test_text_can_be_read_and_fits(show, tmp_path, make_walk, scheme, is_phone):
    run = two_people(tmp_path / "monday", {2: "Ann"})
    page = show(run, phone=is_phone)
    page.scheme(scheme)
    page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for step in ("true", "document.querySelector('.visit').click()", "document.querySelector('.close').click()",
                 "document.querySelector('#tab-links').click()"):  # fmt: skip
        page.value(step)
        page.settle()
        page.settle()
        assert page.value(_LOW_CONTRAST) == [], step
        assert page.value("document.documentElement.scrollWidth") <= (360 if is_phone else 1280)
        if is_phone:
            assert page.value(_SMALL_TARGETS) == [], step
    page.scheme("light")


def test_a_theme_of_ones_own(page):
    back = "getComputedStyle(document.body).backgroundColor"
    page.scheme("light")
    light = page.value(back)
    page.click("#theme-button")
    dark = page.value(back)
    assert dark != light
    page.click("#theme-button")
    page.scheme("dark")
    assert page.value(back) == light
    page.click("#theme-button")
    assert page.value(back) == dark
    page.scheme("light")


def test_on_a_phone_the_details_cover_the_page(show, tmp_path):
    page = show(two_people(tmp_path / "monday"), phone=True)
    assert page.value("document.querySelector('#filter-box').open") is False
    page.value("document.querySelector('.visit').scrollIntoView({block: 'center'})")
    page.click(".visit")
    assert page.value("document.querySelector('#details').getAttribute('role')") == "dialog"
    assert page.value("document.querySelector('main').closest('[inert]') !== null")
    assert page.value("document.querySelector('#details').getBoundingClientRect().width") == 360
    page.click(".close")
    assert page.value("document.querySelectorAll('[inert]').length") == 0
    assert page.value(FOCUS).startswith("Person 1 in hall")


def test_hostile_names_are_shown_and_do_nothing(show, tmp_path):
    camera = HOSTILE.replace("/", "|")
    run = write_run(tmp_path / "run", [visit(camera, 1, 0, 5), visit("hall", 1, 0, 5)])
    reasons = {"constructor": HOSTILE, "__proto__": {"toString": 1}, HOSTILE: [HOSTILE], "forbidden": {HOSTILE: 1}}
    far = link("other/hall/1", f"{run.name}/hall/1", "ambiguous", 0.5, False, constraint=HOSTILE, **reasons)
    write_linking(run, {1: [(camera, 1)], 2: [("hall", 1)]}, [far], {1: HOSTILE})
    browser = show(run)
    assert HOSTILE in browser.value(NAMES)
    browser.value("document.querySelector('.visit').click()")
    browser.value("document.querySelector('#tab-links').click()")
    browser.settle()
    browser.click(".link-row")
    assert HOSTILE in browser.value("document.querySelector('#details .reasons').textContent")
    assert camera in browser.value("[...document.querySelectorAll('.camera-chip bdi')].map((one) => one.textContent)")
    assert browser.value("[...document.querySelectorAll('script')].length") == 2
    assert browser.value("document.querySelectorAll('img[onerror]').length") == 0
    outside = [url for url in browser.requests if not url.startswith("data:image/jpeg;base64,")]
    assert outside == [(run / "report.html").as_uri()]
    assert browser.messages == []


def test_landmarks_and_names_for_those_who_do_not_see(page):
    page.click(".visit")
    page.call("Accessibility.enable")
    nodes = [one for one in page.call("Accessibility.getFullAXTree")["nodes"] if not one["ignored"]]
    roles = {one["role"]["value"] for one in nodes}
    assert {"banner", "main", "search", "complementary", "grid", "row", "rowheader", "gridcell", "tablist"} <= roles
    for one in nodes:
        is_focusable = any(p["name"] == "focusable" and p["value"]["value"] for p in one.get("properties", ()))
        if is_focusable and one["role"]["value"] != "RootWebArea":
            assert one["name"]["value"].strip(), one
    assert page.value("document.documentElement.lang") == "en"
    ids = page.value("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    page.call("Accessibility.disable")


def test_five_hundred_people_stay_smooth(show, tmp_path):
    page = show(crowd(tmp_path / "crowd", 500))
    assert page.value("document.querySelector('#lanes').getAttribute('aria-rowcount')") == "500"
    before = page.renderer_cpu_s()
    seen = page.value(_SCROLL_THROUGH)
    assert seen["most"] < 60  # rows in the document at a time
    assert len(seen["lanes"]) == 500
    cpu_s = (page.renderer_cpu_s() - before) / seen["frames"]
    assert 0 < cpu_s < 0.033, cpu_s  # two frames at 60 Hz for each 300 pixels; measured, without a graphics card: 0.010
    page.press("Escape")
    page.value("document.querySelector('#lanes [tabindex=\"0\"]')?.focus()")
    page.value("scrollTo(0, 0)")
    page.settle()
    page.value("document.querySelector('[data-cell=\"0\"]').focus()")
    page.press("End", control=True)
    assert page.value("document.activeElement.closest('.lane').dataset.index") == "499"
    box = page.value(
        "(() => { const b = document.activeElement.getBoundingClientRect(); return [b.top, b.bottom]; })()"
    )
    assert 0 <= box[0] < box[1] <= DESKTOP_HEIGHT


_SCROLL_THROUGH = """new Promise((done) => {
  const lanes = new Set(); let frames = 0, most = 0;
  const step = () => {
    const rows = [...document.querySelectorAll('.lane')];
    rows.forEach((one) => lanes.add(one.dataset.index));
    most = Math.max(most, rows.length); frames += 1;
    if (scrollY + innerHeight >= document.documentElement.scrollHeight - 2) done({lanes: [...lanes], frames, most});
    else { scrollBy(0, 300); requestAnimationFrame(() => requestAnimationFrame(step)); }
  };
  step();
})"""

_LOW_CONTRAST = """(() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data]; };
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, part, at) => sum + part * linear(c[at] / 255), 0);
  const back = (one) => {
    const found = rgba(getComputedStyle(one).backgroundColor);
    return found[3] === 255 ? found : one.parentElement ? back(one.parentElement) : [255, 255, 255, 255];
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || !one.checkVisibility() || one.closest(':disabled, script, style, .skip')) continue;
    const is_svg = one instanceof SVGElement;
    const ink = light(rgba(is_svg ? getComputedStyle(one).fill : getComputedStyle(one).color));
    const paper = light(is_svg ? rgba(getComputedStyle(one.previousSibling).fill) : back(one));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) bad.push([one.className.baseVal ?? one.className, text.slice(0, 30), ratio]);
  }
  return bad;
})()"""

_SMALL_TARGETS = """[...document.querySelectorAll('button, input, select, summary, [data-cell]')]
  .filter((one) => one.checkVisibility() && !one.closest('[inert]') && !one.closest('label'))
  .map((one) => [one.className || one.id || one.tagName, one.getBoundingClientRect().height])
  .filter(([, height]) => height < 24)"""
