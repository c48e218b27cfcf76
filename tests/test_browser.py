"""The pages in a real browser, headless. Without Chromium and its driver on the machine, these tests are skipped."""

import json
import shutil
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from sparql_support import served, wait_for

from kg_service.api import create_app
from kg_service.service import KnowledgeBase

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
pytestmark = [
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs Chromium and chromedriver on the machine"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def url(base: KnowledgeBase) -> Iterator[str]:
    with served(create_app(base)) as found:
        yield found


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in QUIET:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = Chrome(options=options, service=Service(str(DRIVER)))
    yield found
    found.quit()


def settled(driver: Chrome) -> None:
    """Wait until the answers are those of the form."""
    wait_for(lambda: driver.execute_script("return !document.getElementById('answers').ariaBusy"))


def field(driver: Chrome, name: str) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, f"[name='{name}']")


def answers(driver: Chrome) -> str:
    return driver.find_element(By.ID, "answers").text


def options_told(driver: Chrome) -> dict[str, str]:
    rows = driver.find_elements(By.CSS_SELECTOR, "table.options tbody tr")
    return {cells[0].text: cells[1].text for row in rows if (cells := row.find_elements(By.TAG_NAME, "td"))}


def choose(driver: Chrome, name: str, value: str) -> None:
    field(driver, name).find_element(By.CSS_SELECTOR, f"option[value='{value}']").click()


def assert_no_complaint(driver: Chrome, url: str) -> None:
    """The browser logged no error, and asked nobody but the service."""
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert asked
    assert [one for one in asked if not one.startswith((url, "data:"))] == []


def visit(driver: Chrome, address: str) -> None:
    """Open a page, and forget what was logged before."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    driver.get(address)


def test_the_answers_follow_what_is_typed(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/?lang=en")
    assert "contraindicated" not in answers(driver)
    choose(driver, "lesions.0.site", "T8")
    field(driver, "lifeExpectancy").send_keys("2.5")
    settled(driver)
    wait_for(lambda: "contraindicated" in options_told(driver).get("stereotactic body radiotherapy", ""))
    field(driver, "lifeExpectancy").send_keys("x")
    wait_for(lambda: "lifeExpectancy.value" in answers(driver))
    assert options_told(driver) == {}, "no old answer beside an input that cannot be used"
    field(driver, "lifeExpectancy").send_keys(Keys.BACKSPACE * 4)
    settled(driver)
    wait_for(lambda: "not cleared yet" in options_told(driver).get("stereotactic body radiotherapy", ""))
    assert_no_complaint(driver, url)


def test_a_criterion_is_drawn_and_follows_too(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/?lang=en")
    driver.find_element(By.CSS_SELECTOR, "button[value=example]").click()
    wait_for(lambda: "T11" in answers(driver))
    shown = driver.find_element(By.CSS_SELECTOR, "#answers button[value='T11 S076']")
    driver.execute_script("arguments[0].closest('details').open = true", shown)
    shown.click()
    settled(driver)
    picture = driver.find_element(By.CSS_SELECTOR, ".picture svg")
    assert (
        picture.find_element(By.TAG_NAME, "title").get_attribute("textContent")
        == "S076 for lesion T11 of case-1: no"
    )
    choose(driver, "lesions.0.canalNarrowing.is", "minExclusive")
    field(driver, "lesions.0.canalNarrowing").send_keys(Keys.BACKSPACE * 2, "25")
    title = "return document.querySelector('.picture svg title').textContent"
    wait_for(lambda: driver.execute_script(title) == "S076 for lesion T11 of case-1: yes")
    assert_no_complaint(driver, url)


def test_the_language_changes_and_nothing_typed_is_lost(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/?lang=fr")
    field(driver, "lifeExpectancy").send_keys("2,5")
    driver.find_element(By.CSS_SELECTOR, "header button.link").click()
    wait_for(lambda: driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en")
    assert field(driver, "lifeExpectancy").get_attribute("value") == "2.5"


def test_the_form_is_filled_in_by_keyboard_alone(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/?lang=en")
    first = driver.find_element(By.CSS_SELECTOR, "[name='lesions.0.fractureRisk'][value='']")
    driver.execute_script("arguments[0].focus()", first)
    driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    chosen = driver.find_element(By.CSS_SELECTOR, "[name='lesions.0.fractureRisk']:checked")
    assert chosen.get_attribute("value") == "true"
    settled(driver)
    assert driver.switch_to.active_element == chosen, "the answers do not take the focus away"


def test_every_field_has_a_name_for_a_screen_reader(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/?lang=en")
    driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    seen = "#case input:not([type=hidden], .to), #case select, #case textarea"
    fields = driver.find_elements(By.CSS_SELECTOR, seen)
    assert len(fields) > 150
    assert [one.get_attribute("name") for one in fields if not one.accessible_name] == []


def test_old_answers_are_taken_away_when_the_service_is_gone(driver: Chrome, base: KnowledgeBase) -> None:
    with served(create_app(base)) as gone:
        visit(driver, f"{gone}/?lang=en")
        settled(driver)
        assert "cannot be decided yet" in answers(driver)
    field(driver, "lifeExpectancy").send_keys("2")
    wait_for(lambda: driver.find_element(By.ID, "stale").is_displayed())
    assert answers(driver) == ""


def test_the_form_works_without_scripts(driver: Chrome, url: str) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit(driver, f"{url}/?lang=en")
        choose(driver, "lesions.0.site", "T8")
        field(driver, "lifeExpectancy").send_keys("2.5", Keys.ENTER)
        wait_for(lambda: "contraindicated" in options_told(driver).get("stereotactic body radiotherapy", ""))
        assert field(driver, "lifeExpectancy").get_attribute("value") == "2.5"
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_query_is_written_in_the_editor(driver: Chrome, url: str) -> None:
    visit(driver, f"{url}/query?lang=en&name=contraindications-of-option")
    wait_for(lambda: driver.find_elements(By.CSS_SELECTOR, ".ace_keyword, .ace_content span"))
    driver.execute_script("ace.edit(document.querySelector('.ace_editor')).setValue('SELECT (6*7 AS ?n) {}')")
    typing = driver.find_element(By.CSS_SELECTOR, ".ace_editor textarea")
    typing.send_keys(Keys.CONTROL, Keys.ENTER)
    wait_for(lambda: driver.find_elements(By.ID, "results"))
    assert driver.find_element(By.CSS_SELECTOR, "#results td").text == "42"
    assert_no_complaint(driver, url)
