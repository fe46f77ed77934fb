"""The web page in headless Chromium; skipped where there is no Chromium."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seqmap.runtime.archive import save
from seqmap.samples.series import shop
from seqmap.samples.signals import gestures
from seqmap.samples.syllables import RATE, speech

from .conftest import Server, small_archive

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that hears beeps."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Playwright's own
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *MICROPHONE]
        )
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


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's own policy forbids to wait inside of it."""
    end = time.monotonic() + 15
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(30)


def test_type_and_see_the_answer(browser: Any, server: Server) -> None:
    page, said = opened(browser, server.url)
    page.fill("#input", "a plain sentence, written <b>to</b> be read")
    page.wait_for_selector("#growth-line path")
    found = server.predict("a plain sentence, written <b>to</b> be read", "s").json()["result"]
    assert found["label"] in page.text_content(".headline")
    assert page.text_content(".bar.best .name") == found["label"]
    assert f"{100 * found['probability']:.1f}%" in page.text_content(".headline")
    assert page.locator(".bar").count() == 3
    page.wait_for_selector("#gates canvas")
    assert page.locator("#tokens").text_content() == "a plain sentence, written <b>to</b> be read"
    assert page.locator("#tokens mark.unknown").count() > 0
    colours = page.locator("#tokens mark").evaluate_all(
        "marks => new Set(marks.map(m => m.style.backgroundColor)).size"
    )
    assert colours > 3
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


def test_spans_and_tags_are_drawn(browser: Any, server: Server) -> None:
    page, said = opened(browser, server.url)
    page.wait_for_selector("#model option", state="attached")
    spans = [
        {"text": "江 🙂", "type": "PERSON", "start": 2, "end": 5, "probability": 0.9},
        {"text": "<b>", "type": "PLACE", "start": 6, "end": 9, "probability": 0.4},
    ]
    result = {"text": "🙂 江 🙂 <b>!", "tokens": ["🙂"], "tags": ["O"], "entities": spans}
    draw = "result => drawResult(document.getElementById('result'), result, say)"
    page.evaluate(draw, result)
    marks = page.locator("#result mark")
    assert marks.all_text_contents() == ["江 🙂PERSON 90.0%", "<b>PLACE 40.0%"]
    colours = marks.evaluate_all("marks => marks.map(mark => mark.style.backgroundColor)")
    assert len(set(colours)) == 2 and all(colours)
    plain = {"text": "a b", "tokens": ["a", "b"], "tags": ["DET", "NOUN"], "entities": []}
    page.evaluate(draw, plain | {"intent": "ask", "intent_probability": 0.5})
    assert page.locator("#result .tagged").all_text_contents() == ["aDET", "bNOUN"]
    assert "ask" in page.text_content("#result .headline")
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


@pytest.fixture(scope="module")
def tasks(start: Callable[..., Server], trained: dict[str, Path]) -> Server:
    return start(*trained.values())


@pytest.fixture(params=["en-US", "zh-CN"])
def page_of(
    browser: Any, tasks: Server, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Any]]:
    """Opens the page of a task: English on a desk, Chinese on a phone."""
    width = 900 if request.param == "en-US" else 360
    viewport = {"width": width, "height": 800}
    page, said = opened(browser, tasks.url, locale=request.param, viewport=viewport)

    def choose(task: str) -> Any:
        page.wait_for_selector("#model option", state="attached")
        page.select_option("#model", label=task)
        return page

    yield choose
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#notice:not([hidden])").count() == 0
    assert said == []
    page.close()


def test_a_translation_shows_what_it_looked_at(page_of: Callable[[str], Any]) -> None:
    page = page_of("translate")
    page.fill("#input", "how much is the <b>book</b>?")
    page.wait_for_selector("#cross td")
    assert page.locator("#cross tr").count() == page.locator("#pairs button").count() + 1
    page.focus("#pairs button")  # as the tab key does
    lit = page.locator("#pairs .piece").evaluate_all("all => all.filter(p => p.style.background)")
    assert len(lit) > 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "piece"
    assert page.locator(".others li").count() == 2


def test_a_language_model_writes(page_of: Callable[[str], Any]) -> None:
    page = page_of("language")
    page.fill("#input", "the cat")
    page.wait_for_selector(".bar.best")
    assert page.locator(".bar").count() == 5
    page.fill("#length", "40")
    page.press("#input", "Control+Enter")
    until(page, "document.querySelector('.continued b')?.textContent.length === 40")
    assert page.text_content(".continued span") == "the cat"
    both = "() => { write(); const during = at('write').textContent; write(); return during; }"
    wanted = page.text_content("#write")
    assert page.evaluate(both) != wanted  # the button stops what it began
    until(page, f"at('write').textContent === '{wanted}'")


def test_a_series_is_drawn_with_its_future(page_of: Callable[[str], Any], tmp_path: Path) -> None:
    page = page_of("forecast")
    times, values, _ = shop(60)
    rows = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
    (tmp_path / "series.csv").write_text("time,customers\n" + "\n".join(rows))
    page.set_input_files("#file", tmp_path / "series.csv")
    page.wait_for_selector("#result polygon")
    assert page.locator("#result table tr").count() == 1 + 6
    page.fill("#horizon", "9")
    until(page, "document.querySelectorAll('#result table tr').length === 10")
    page.fill("#input", " ".join(f"{value:.1f}" for value in values[:40]))
    until(page, "document.querySelector('#result td')?.textContent === '+1'")
    page.fill("#input", "1, 2, many")
    page.wait_for_selector("#notice:not([hidden])")
    page.fill("#input", "1, 2, 3, 4, 5")
    page.wait_for_selector("#notice", state="hidden")


def test_a_signal_is_answered_early(page_of: Callable[[str], Any]) -> None:
    page = page_of("signal")
    rows = gestures(1)[0].values
    page.fill("#input", "\n".join(" ".join(f"{value:.3f}" for value in row) for row in rows))
    page.wait_for_selector("#growth-line path")
    assert page.locator("#result svg path").count() == 3
    assert page.locator(".bar.best").count() == 1


def test_speech_from_a_file_and_a_microphone(
    page_of: Callable[[str], Any], tasks: Server, tmp_path: Path
) -> None:
    page = page_of("transcribe")
    samples = np.asarray(speech(1)[0].recording.sound.samples(RATE), np.float32)
    soundfile.write(tmp_path / "speech.wav", samples, RATE)
    page.set_input_files("#file", tmp_path / "speech.wav")
    until(page, "document.getElementById('took').textContent !== ''")
    content = (tmp_path / "speech.wav").read_bytes()
    found = tasks.http.post(
        "/v1/models/transcribe/predict", content=content, headers={"content-type": "audio/wav"}
    )
    expected = [word["text"] for word in found.json()["result"]["words"]]
    assert page.locator(".word").all_text_contents() == expected and expected
    assert page.locator("#player").is_visible()
    page.focus("#record")
    page.keyboard.press("Enter")
    page.wait_for_selector("#record.on")
    until(page, "document.querySelector('.heard .partial').textContent.length > 0")
    page.wait_for_timeout(1200)
    page.keyboard.press("Enter")
    page.wait_for_selector("#player:visible")
    assert page.locator("#result svg path").count() == 1
