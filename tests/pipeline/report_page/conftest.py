"""The page in a headless Chromium, for all tests that look at it there."""

from __future__ import annotations

import pytest

from chromium import Chromium
from mdpr.pipeline.commands.report import main
from report_runs import two_people

PHONE, DESKTOP = (360, 740), (1280, 800)


@pytest.fixture(scope="session")
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
