"""A headless Chromium for tests of pages: what it showed, what it asked of the network, what it complained about."""

import base64
import json
import os
import shutil
import time
from pathlib import Path

import pytest


def missing():
    """The reason why there is no browser here, or an empty string; with MNAS_NO_SKIP=1 a reason is an error."""
    absent = [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]
    if not absent:
        return ""
    reason = f"no browser here, missing: {', '.join(absent)} (Debian: chromium, chromium-driver)"
    if os.environ.get("MNAS_NO_SKIP") == "1":
        raise RuntimeError(reason)
    return reason


class Browser:
    """One Chromium process; `open` shows a page anew at a size and in a scheme."""

    def __init__(self, profile):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for switch in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))

    def open(self, path, *, width=1280, height=900, dark=False):
        """Shows a file; its storage, and whatever was logged before, is gone."""
        self.emulate(width, height, dark=dark)
        self.driver.get("about:blank")
        self.driver.get(Path(path).as_uri())
        self.driver.execute_script("try { sessionStorage.clear() } catch {}")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(Path(path).as_uri())
        return self

    def emulate(self, width, height, *, dark=False, media=""):
        """Sets the size of the screen and the colour scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})

    def complaints(self):
        """Errors and warnings of the page's console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses that the page asked for since it was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def run(self, script, *arguments):
        """What a script in the page returns."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def one(self, selector):
        """The first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        """All elements of a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        """What stands in an element, shown or not."""
        return self.one(selector).get_property("textContent")

    def screenshot(self, path):
        """The whole page as a PNG file."""
        width, height = self.run("[innerWidth, document.documentElement.scrollHeight]")
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        time.sleep(0.4)  # charts follow the new size
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def pdf(self):
        """The page as it would be printed."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A Chromium for the whole session."""
    if reason := missing():
        pytest.skip(reason)
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.driver.quit()
