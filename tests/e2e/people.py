"""People in real browsers. Everything is found as a screen reader finds it: by role and name.

What always holds: what a page complains about in its console, an exception in it and a dialog that a script opens are
kept in `complaints`, and a test that ends with one of them fails.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psutil
from playwright.async_api import Browser, BrowserContext, Error, Locator, Page, async_playwright, expect

ROOT = Path(__file__).parent.parent.parent
STATIC = ROOT / "classroom" / "static"
CHROMIUM = "/usr/bin/chromium"
# One flag names all: those that Playwright switches off as well, and two pages that Chromium loads with each window, for what its
# address bar may have to show. Nobody sees them, and they take more CPU than most of our own pages.
WITHOUT = "--disable-features=" + ",".join(
    (
        "WebUIOmniboxPopup",
        "WebUIOmniboxAimPopup",
        "AimEnabled",
        "AvoidUnnecessaryBeforeUnloadCheckSync",
        "DestroyProfileOnBrowserClose",
        "HttpsFirstBalancedModeAutoEnable",
        "HttpsUpgrades",
        "LensOverlay",
        "MediaRouter",
        "NetworkTimeServiceQuerying",
        "OptimizationHints",
        "PaintHolding",
        "PreconnectToSearch",
        "ThirdPartyStoragePartitioning",
    )
)
FLAGS = [
    WITHOUT,
    "--headless",
    "--no-sandbox",
    "--no-zygote",  # left behind by a browser that ends badly, they spin for ever
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Several people's pages at once: each one is to be drawn as if it were looked at.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
]
DESKTOP = (1440, 900)
SMALL_DESK = (1120, 640)  # laid out as a large one: half the dots, where pictures move in them for long
PHONE = (360, 740)
# Dots for each px of a page, in either direction, where nobody looks at it: all is laid out alike, and a quarter is drawn. The
# browser has to begin with them, else it draws all of them and makes them smaller.
COARSE = 0.5
COARSE_FLAG = f"--force-device-scale-factor={COARSE}"
PATIENCE = 15_000  # ms; what a page shows comes in tenths of a second, on a busy machine later
# A browser itself says in the console that a connection failed; where the test cuts it, that is as it should be.
CUT = re.compile(r"WebSocket connection to .* failed|net::ERR_|WebSocket is closed")

expect.set_options(timeout=PATIENCE)

Scheme = Literal["light", "dark"]


def need_client() -> None:
    """Build the browser client, if nobody has."""
    if (STATIC / "index.html").is_file():
        return
    if shutil.which("npm") is None or not (ROOT / "client" / "node_modules").is_dir():
        raise AssertionError("The browser client is not built: run `make client` first.")
    subprocess.run(["npm", "run", "build"], cwd=ROOT / "client", check=True, stdout=subprocess.DEVNULL)


class Someone:
    """One person, at one page in a browser of their own."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self._hear(message.type, message.text, ("error", "warning")))
        page.on("pageerror", lambda error: self._hear("exception", str(error), ("exception",)))
        page.on("crash", lambda _: self._hear("crash", "the page crashed", ("crash",)))
        page.on("dialog", self._dialog)

    def _hear(self, kind: str, text: str, bad: tuple[str, ...]) -> None:
        if kind in bad:
            self.complaints.append(f"{self.name}: {kind}: {text}")

    async def _dialog(self, dialog: Any) -> None:
        self._hear("dialog", dialog.message, ("dialog",))
        await dialog.dismiss()

    def excuse(self, pattern: re.Pattern[str] = CUT) -> None:
        """Forget complaints of a kind that the test itself has caused."""
        self.complaints = [complaint for complaint in self.complaints if not pattern.search(complaint)]

    # Coming in

    async def open(self, link: str) -> None:
        """Follow a link with a token inside; return once in the class."""
        await self.page.goto(link)
        await self.inside()

    async def join(self, link: str) -> None:
        """Enter an open room by one's name; return once in the class."""
        await self.page.goto(link)
        await self.page.get_by_role("textbox", name="Your name").fill(self.name)
        await self.page.get_by_role("button", name="Join the class").click()
        await self.inside()

    async def inside(self) -> None:
        await expect(self.messages).to_be_visible()
        await self.connected()

    async def connected(self) -> None:
        await expect(self.page.get_by_role("banner").get_by_text("Connected", exact=True)).to_be_attached()

    async def in_phase(self, phase: str) -> None:
        """The class is "Not started", "Live" or "Ended", as the header says."""
        await expect(self.page.get_by_role("banner")).to_contain_text(phase)

    async def has_the_keyboard(self, part: str = "*") -> None:
        """Something on the page has the focus, within a `part` of it that a selector names."""
        has = "(part) => document.activeElement !== document.body && document.activeElement.closest(part) !== null"
        await self.page.wait_for_function(has, arg=part)

    # The parts of the page

    async def tab(self, name: str) -> Locator:
        """Go to "Chat", "Doubts", "Polls" or "People": its panel."""
        await self.page.get_by_role("tab", name=re.compile(f"^{name}")).click()
        panel = self.page.get_by_role("tabpanel", name=re.compile(f"^{name}"))
        await expect(panel.get_by_role("heading", name=name, exact=True).first).to_be_visible()
        return panel

    @property
    def messages(self) -> Locator:
        return self.page.get_by_role("log", name="Messages")

    @property
    def stage(self) -> Locator:
        return self.page.get_by_role("region", name="Stage")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^Write "))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def doubt(self, text: str) -> Locator:
        """A doubt in the list, by its text."""
        return self.page.get_by_role("feed", name="List of doubts").get_by_role("article", name=text, exact=True)

    # What people do

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def sees(self, text: str) -> None:
        await expect(self.messages.get_by_text(text, exact=True).first).to_be_visible()

    async def ask(self, text: str, anonymous: bool = False) -> None:
        await self.tab("Doubts")
        await self.page.get_by_role("textbox", name="Ask a doubt").fill(text)
        switch = self.page.get_by_role("switch", name="Hide my name from other students")
        await switch.set_checked(anonymous)
        await self.button("Ask").click()

    async def confirm(self, name: str) -> None:
        await self.dialog.get_by_role("button", name=name, exact=True).click()
        await expect(self.dialog).to_have_count(0)

    async def lines(self, pattern: str) -> list[str]:
        """What the whole list of messages says, in order: the first match of `pattern` in each. Messages still on their
        way count too."""
        found: list[str] = await self.page.evaluate(WALK, pattern)
        return found


# Walks through a list that is drawn only as far as it is in sight, from its top to its bottom.
WALK = """async (pattern) => {
  const box = document.querySelector('[role=log]');
  const seen = new Map();
  const look = () => {
    for (const row of box.querySelectorAll('[data-index]')) {
      const found = new RegExp(pattern).exec(row.innerText);
      if (found) seen.set(Number(row.dataset.index), found[0]);
    }
  };
  const frame = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  box.scrollTop = 0;
  await frame();
  for (let still = 0; still < 3; ) {
    look();
    const before = box.scrollTop;
    box.scrollTop += box.clientHeight / 2;
    await frame();
    still = box.scrollTop === before ? still + 1 : 0;
  }
  return [...seen.entries()].sort(([one], [other]) => one - other).map(([, text]) => text);
}"""


class People:
    """Makes people; each has storage, a screen and colours of their own. `dots`: for each px."""

    def __init__(self, browser: Browser, dots: float = 1) -> None:
        self._browser = browser
        self._dots = dots
        self.all: list[Someone] = []

    async def person(
        self,
        name: str,
        size: tuple[int, int] = DESKTOP,
        scheme: Scheme = "light",
        locale: str = "en-IN",
        **options: Any,
    ) -> Someone:
        width, height = size
        context: BrowserContext = await self._browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=width < 600,
            color_scheme=scheme,
            locale=locale,
            **{"timezone_id": "Asia/Kolkata", "device_scale_factor": self._dots} | options,
        )
        someone = Someone(await context.new_page(), name)
        self.all.append(someone)
        return someone

    async def go(self) -> None:
        """Everybody closes their pages."""
        for someone in self.all:
            await someone.page.context.close()

    async def each(self, action: Callable[[Someone], Any]) -> None:
        for someone in self.all:
            await action(someone)

    @property
    def complaints(self) -> list[str]:
        return [complaint for someone in self.all for complaint in someone.complaints]


@asynccontextmanager
async def a_browser(*flags: str) -> AsyncIterator[Browser]:
    """A browser; closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            await close(browser)


@asynccontextmanager
async def browsing() -> AsyncIterator[People]:
    """People with a browser; closed at the end."""
    async with a_browser() as browser:
        yield People(browser)


async def close(browser: Browser) -> None:
    """Close it, also where it does not end by itself: whoever waits for its last process would wait for ever."""
    with suppress(TimeoutError, Error):
        await asyncio.wait_for(browser.close(), 15)
        return
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chromium" in process.name():
                process.kill()
