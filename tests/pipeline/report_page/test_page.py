"""The page is one file that loads nothing; whatever people and cameras are called stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.pipeline.report_page.page import as_script_text, make_page
from report_runs import HOSTILE, policy_of, tags_of, text_within

VALUES = {"run": "monday", "visits": []}


def test_the_policy_allows_this_script_and_this_style_only():
    page = make_page(VALUES)
    policy = policy_of(page)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[rule] == f"'sha256-{digest}'"
    assert "unsafe" not in str(policy)


def test_nothing_is_loaded():
    page = make_page(VALUES)
    assert not [found for _, found in tags_of(page) if found.get("src") or (found.get("href") or "#")[0] != "#"]
    style, script = (re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)[0] for tag in ("style", "script"))
    assert "url(" not in style
    assert "@import" not in style
    addresses = set(re.findall(r"https?://[^\"' )]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|fetch\(", script)


def test_hostile_values_stay_values():
    page = make_page({"run": HOSTILE, "names": {HOSTILE: HOSTILE}})
    harmless = make_page({"run": "x", "names": {}})
    assert [tag for tag, _ in tags_of(page)] == [tag for tag, _ in tags_of(harmless)]
    values = json.loads(text_within(page, "script", id="values"))
    assert values == {"run": HOSTILE, "names": {HOSTILE: HOSTILE}}
    assert text_within(page, "title").startswith(HOSTILE)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_survives_and_none_ends_the_script(text):
    written = as_script_text(text)
    assert json.loads(written) == text
    assert not set("<>&\u2028\u2029") & set(written)
    written.encode("ascii")


def test_halves_of_characters_do_not_stop_the_page():
    page = make_page({"run": "a\ud800b"})
    page.encode()
    assert json.loads(text_within(page, "script", id="values"))["run"] == "a\ud800b"


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        make_page({"run": "x", "value": float("nan")})
