"""The page in a headless Chromium: keys, filters, themes, phones, hostile names, five hundred people."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chromium import Chromium, find_chromium
from mdpr.pipeline.commands.report import main
from mdpr.pipeline.sinks import TrackletSink, VideoSink
from mdpr.types import Frame, Tracks
from report_runs import HOSTILE, crowd, link, two_people, visit, write_linking, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

PHONE, DESKTOP = (360, 740), (1280, 800)
FOCUS = "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent)"
NAMES = "[...document.querySelectorAll('.lane .name')].map((one) => one.textContent)"
BARS = "[...document.querySelectorAll('.visit')].map((one) => one.getAttribute('aria-label'))"


@pytest.fixture(scope="module")
def browser():
    with Chromium(*DESKTOP) as browser:
        yield browser


@pytest.fixture
def show(browser):
    """Write the report of a run and open it: `show(run, *flags, fragment)`."""

    def show(run, *flags, fragment="", phone=False):
        assert main([str(run), "--quiet", *flags]) == 0
        browser.messages.clear()
        browser.requests.clear()
        browser.resize(*(PHONE if phone else DESKTOP), is_phone=phone)
        browser.open(run / "report.html", fragment)
        browser.settle()
        assert browser.value("document.documentElement.dataset.ready") == "true"
        assert browser.messages == []
        return browser

    return show


@pytest.fixture
def page(show, tmp_path):
    return show(two_people(tmp_path / "monday", {2: "Ann"}))


def choose(page, selector, value):
    """Give a field a value as a person does, all events included."""
    page.value(
        f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
        "one.dispatchEvent(new Event('input', {bubbles: true}));"
        "one.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    page.settle()


def test_lanes_hold_everybody_and_the_doubtful_come_first(page):
    assert page.value(NAMES) == ["Person 1", "Ann"]
    assert page.value(BARS) == [
        "Person 1 in hall, 0:02.0 to 0:20.0, track 1", "Person 1 in door, 0:30.0 to 0:42.0, track 1",
        "Ann in hall, 0:05.0 to 0:25.0, track 2", "Ann in hall, 1:00.0 to 1:15.0, track 3",
    ]  # fmt: skip
    assert page.value("document.querySelectorAll('.lane .chip.ambiguous').length") == 1
    assert page.value("document.querySelectorAll('.connector.ambiguous').length") == 1
    choose(page, "#order", "number")
    choose(page, "#order", "length")
    assert page.value(NAMES) == ["Ann", "Person 1"]  # 35 s against 30 s
    left = [page.value(f"document.querySelectorAll('.visit')[{n}].getBoundingClientRect().left") for n in range(2)]
    assert left[0] < left[1]


def test_the_lanes_by_keyboard_alone(page):
    for _ in range(40):
        page.press("Tab")
        if page.value("document.activeElement.closest('#lanes') !== null"):
            break
    assert page.value(FOCUS).startswith("Person 1, 2 visits in door, hall, first seen at 0:02, 1 ambiguous link")
    page.press("ArrowRight")
    assert page.value(FOCUS).startswith("Person 1 in hall")
    page.press("ArrowRight", "ArrowDown")
    assert page.value(FOCUS).startswith("Ann in hall, 0:05")  # begins nearer to 0:30 than 1:00 does
    page.press("End")
    assert page.value(FOCUS).startswith("Ann in hall, 1:00")
    page.press("ArrowDown", "ArrowRight")  # nowhere to go
    assert page.value(FOCUS).startswith("Ann in hall, 1:00")
    page.press("Home", control=True)
    assert page.value(FOCUS).startswith("Person 1, 2 visits")
    assert page.value("document.querySelectorAll('#lanes [tabindex=\"0\"]').length") == 1
    page.press("ArrowRight", "Enter")
    assert page.value("document.querySelector('#details').hidden") is False
    assert page.value(FOCUS) == "Person 1"
    assert page.value("document.activeElement.tagName") == "H2"
    page.press("Escape")
    assert page.value("document.querySelector('#details').hidden") is True
    assert page.value(FOCUS).startswith("Person 1 in hall")
    page.press("/")
    assert page.value("document.activeElement.id") == "query"
    assert page.value("document.activeElement.value") == ""


def test_details_tell_why(page):
    page.click(".visit")
    text = page.value("document.querySelector('#details').innerText")
    assert "same person: 62 %" in text
    assert "Appearance 0.81; the next best other person has 0.44. Travel time speaks against it." in text
    assert "They cannot be one person: overlap in one camera." in text
    assert text.index("Why they are one person (1)") < text.index("Who came close (2)")
    assert text.index("somebody else looks more alike, 0.90") < text.index("They cannot be one person")
    reasons = page.value(
        "Object.fromEntries([...document.querySelectorAll('.link-card .reasons')[0].children].map("
        "(one) => [one.children[0].textContent, one.children[1].firstChild.textContent]))"
    )
    assert reasons == {
        "Similarity": "0.81", "Runner-up": "0.44", "Margin": "+0.37", "Travel time": "-0.40",
        "Position": "nothing known", "Log-odds of the pair": "+5.10", "Ruled out": "1 by: overlap in one camera",
        "Log-odds of the groups": "+6.20",
    }  # fmt: skip


def test_filters(page):
    page.click(".camera-chip:nth-child(2)")  # hall
    assert page.value(BARS) == ["Person 1 in door, 0:30.0 to 0:42.0, track 1"]
    page.click("#reset")
    assert len(page.value(BARS)) == 4
    choose(page, "#from", "0:50")
    assert page.value(BARS) == ["Ann in hall, 1:00.0 to 1:15.0, track 3"]
    assert page.value("document.querySelector('#status').textContent") == "1 lane shown"
    choose(page, "#to", "0:10")
    assert "the first before the second" in page.value("document.querySelector('#time-error').textContent")
    choose(page, "#to", "soon")
    assert page.value("document.querySelector('#to').getAttribute('aria-invalid')") == "true"
    page.click("#reset")
    assert page.value("document.querySelector('#time-error').textContent") == ""
    choose(page, "#query", "ANN")
    assert page.value(NAMES) == ["Ann"]
    choose(page, "#query", "door/1")
    assert page.value(NAMES) == ["Person 1"]
    choose(page, "#query", "nobody")
    assert page.value("document.querySelector('#no-people').hidden") is False
    page.click("#reset")
    page.click("#doubtful")
    assert page.value(NAMES) == ["Person 1"]
    assert page.value("document.querySelector('#tab-links').textContent") == "Links (2)"


def test_a_part_of_the_run_is_chosen_with_the_mouse(page):
    box = page.value("(() => { const b = overview.getBoundingClientRect(); return [b.x, b.y, b.width]; })()")
    y = box[1] + 10
    page.mouse("mousePressed", box[0] + 0.5 * box[2], y, buttons=1)
    page.mouse("mouseMoved", box[0] + 0.75 * box[2], y, buttons=1)
    page.mouse("mouseReleased", box[0] + 0.75 * box[2], y)
    page.settle()
    begin, end = (page.value(f"document.querySelector('#{name}').value") for name in ("from", "to"))
    assert begin.startswith("0:38")  # of 2 to 75 s
    assert end.startswith("0:56")
    assert page.value(BARS) == ["Person 1 in door, 0:30.0 to 0:42.0, track 1"]


def test_links_the_ambiguous_that_were_joined_first(page):
    page.click("#tab-links")
    heads = "[...document.querySelectorAll('.link-head')].map((one) => one.textContent)"
    assert page.value(heads) == [
        "ambiguous Joined same person: 62 %", "ambiguous Kept apart same person: 30 %",
        "certain Joined same person: 99.8 %", "certain Kept apart same person: < 0.1 %",
    ]  # fmt: skip
    choose(page, "#kind", "apart")
    assert len(page.value(heads)) == 2
    page.click(".link-row")
    assert page.value("document.activeElement.textContent") == "Kept apart"
    page.press("Escape")
    assert page.value("document.activeElement.className") == "link-row"


def test_the_video_opens_at_the_moment(show, tmp_path):
    """Of a run that began at 30 s of its source: players count from there."""
    run = two_people(tmp_path / "monday")
    write_run(run, [visit("hall", 1, 33.2, 34), visit("hall", 2, 30, 31), visit("hall", 3, 32, 34)])
    (run / "config.yaml").write_text("source: {start_s: 30.0, fps: null}")
    with VideoSink(run / "hall/video.mp4") as sink:
        for index in range(60):
            sink.write(Frame("hall", 300 + index, 30 + index / 10, np.zeros((48, 64, 3), np.uint8)), Tracks.empty())
    page = show(run)
    page.value("document.querySelector('[aria-label^=\"Person 1 in hall\"]').click()")
    page.settle()
    cards = "[...document.querySelectorAll('#details .visit-card')]"
    links = page.value(f"{cards}.map((one) => one.querySelector('a.video')?.href)")
    assert links == [None, f"{(run / 'hall/video.mp4').as_uri()}#t=3.2"]  # door has no video
    assert "no video" in page.value(f"{cards}[0].textContent")
    page.open(run / "hall/video.mp4", "#t=3.2")
    moment = page.value(
        "new Promise((done) => { const video = document.querySelector('video'); const look = () => "
        "video.currentTime ? done([video.currentTime, video.duration]) : setTimeout(look, 20); look(); })"
    )
    assert moment == [pytest.approx(3.3, abs=0.4), pytest.approx(6, abs=0.2)]


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


def test_a_run_that_was_not_linked(show, tmp_path):
    page = show(write_run(tmp_path / "run", [visit("hall", 1, 10, 15), visit("hall", 2, 3, 9), visit("door", 1, 0, 5)]))
    assert page.value(NAMES) == ["Track 1", "Track 2", "Track 1"]
    text = page.value("document.body.innerText")
    assert "This run was not linked" in text
    assert "there are none in this report" in text
    assert page.value("document.querySelector('#tab-people').textContent") == "Tracks (3)"


def test_nobody_was_seen(show, tmp_path):
    run = write_run(tmp_path / "run", [visit("hall", 1, 0, 5)])
    with TrackletSink(run / "hall/tracklets.parquet", 4, "model-1"):
        pass
    page = show(run)
    assert page.value("document.querySelector('#no-people').hidden") is False


def test_an_address_opens_a_person(show, tmp_path):
    page = show(two_people(tmp_path / "monday", {2: "Ann"}), fragment="#person=2")
    assert page.value("document.querySelector('#details h2').textContent") == "Ann"
    show(two_people(tmp_path / "monday"), fragment="#person=99999")


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
    assert 0 <= box[0] < box[1] <= DESKTOP[1]


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
