"""The web page in headless Chromium; skipped where there is no Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqmap.runtime.archive import save

from .conftest import Server, small_archive

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Playwright's own
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(start: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("page")
    save(small_archive(1, streams=True), folder / "s.seqmap")
    save(small_archive(2, multi=True), folder / "several.seqmap")
    return start(folder / "s.seqmap", folder / "several.seqmap")


def opened(browser: Any, url: str, **context: Any) -> tuple[Any, list[str]]:
    page = browser.new_page(**({"locale": "en-US"} | context))
    page.set_default_timeout(15_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    return page, said


def test_type_and_see_the_answer(browser: Any, server: Server) -> None:
    page, said = opened(browser, server.url)
    page.fill("#input", "a plain sentence, written <b>to</b> be read")
    page.wait_for_selector("#growth-line polyline")
    found = server.predict("a plain sentence, written <b>to</b> be read", "s").json()["result"]
    assert found["label"] in page.text_content(".headline")
    assert page.text_content(".bar.best .name") == found["label"]
    assert f"{100 * found['probability']:.1f}%" in page.text_content(".headline")
    assert page.locator(".bar").count() == 3
    page.fill("#input", "")
    page.wait_for_selector("#growth", state="hidden")
    assert page.locator(".bar").count() == 0
    page.select_option("#model", label="several")
    page.fill("#input", "plain")
    page.wait_for_selector(".bar")
    assert "several" in page.text_content("#curl")
    assert page.url.endswith("#several%3A1")
    assert said == []
    page.close()


def test_chinese_on_a_phone(browser: Any, server: Server) -> None:
    page, said = opened(browser, server.url, locale="zh-CN", viewport={"width": 360, "height": 740})
    page.fill("#input", "漢字 " + "x" * 300)
    page.wait_for_selector(".bar.best")
    assert page.text_content("#answer h2") == "答案"
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("#language")
    assert page.text_content("#answer h2") == "Answer"
    page.reload()
    assert page.text_content("#answer h2") == "Answer"  # remembered
    assert said == []
    page.close()


def test_the_page_asks_for_the_token(
    browser: Any, start: Callable[..., Server], tmp_path: Path
) -> None:
    save(small_archive(1), tmp_path / "m.seqmap")
    server = start(tmp_path / "m.seqmap", SEQMAP_TOKEN="open-sesame")
    page, _ = opened(browser, server.url)
    page.fill("#token", "wrong")
    page.click("#entry button")
    page.wait_for_selector("#notice:not([hidden])")
    page.fill("#token", "open-sesame")
    page.click("#entry button")
    page.wait_for_selector("#entry", state="hidden")
    page.fill("#input", "plain")
    page.wait_for_selector(".bar.best")
    page.close()


def test_a_server_that_is_gone_is_told(
    browser: Any, start: Callable[..., Server], tmp_path: Path
) -> None:
    save(small_archive(1), tmp_path / "m.seqmap")
    server = start(tmp_path / "m.seqmap")
    page, _ = opened(browser, server.url)
    page.wait_for_selector("#model option", state="attached")
    server.stop()
    page.fill("#input", "plain")
    page.wait_for_selector("#notice:not([hidden])")
    assert page.text_content("#notice") == "The server does not answer."
    page.close()
