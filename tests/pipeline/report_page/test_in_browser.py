"""What the page does in a browser: keys, filters, details, links, videos."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chromium import find_chromium
from mdpr.pipeline.sinks import TrackletSink, VideoSink
from mdpr.types import Frame, Tracks
from report_runs import link, two_people, visit, write_linking, write_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium here (Debian: apt-get install chromium)"),
]

FOCUS = "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent)"
NAMES = "[...document.querySelectorAll('.lane .name')].map((one) => one.textContent)"
BARS = "[...document.querySelectorAll('.visit')].map((one) => one.getAttribute('aria-label'))"


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
    alike = "Appearance 0.81; the next best other person has 0.44. The later came 12.5 s after the other had left. "
    assert f"{alike}Times speak against it. One of the two could be somebody else, too." in text
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
        "Log-odds of the groups": "+6.20", "Times of the groups": "-0.30", "Seconds between": "12.50",
        "Others take": "-5.71", "Most of it": "monday/hall/2",
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


def test_what_never_moved_is_marked_and_can_be_left_out(show, page, tmp_path):
    assert page.value("document.querySelector('#moving-label').hidden") is True
    visits = [visit("hall", 1, 0, 20), visit("hall", 2, 3, 9), visit("door", 3, 12, 18), visit("door", 4, 2, 20)]
    folder = write_run(tmp_path / "tuesday", visits, still=[1, 3, 4])  # 3 is a part of person 2, who moved
    links = [link("tuesday/door/4", "tuesday/hall/1"), link("tuesday/door/3", "tuesday/hall/2")]
    write_linking(folder, {1: [("hall", 1), ("door", 4)], 2: [("hall", 2), ("door", 3)]}, links)
    page = show(folder)
    assert "2 people (1 never moved)" in page.value("document.querySelector('#summary').textContent")
    assert page.value("[...document.querySelectorAll('.chip.still')].map((one) => one.textContent)") == ["never moved"]
    assert page.value("document.querySelector('.chip.still').closest('.lane').querySelector('.name').textContent") == (
        "Person 1"
    )
    page.click("#moving")
    assert page.value(NAMES) == ["Person 2"]
    assert page.value("document.querySelector('#tab-links').textContent") == "Links (1)"
    page.click("#reset")
    assert page.value(NAMES) == ["Person 1", "Person 2"]
    assert page.value("document.querySelector('#moving').checked") is False


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
