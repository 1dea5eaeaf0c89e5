"""A person at the browser: opens pages, waits until they stand still, types, clicks, and notices what goes wrong."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Locator,
    Page,
    Request,
    Route,
    WebSocket,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as OverdueError

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAPTOP, SCREEN = (1366, 768), (1920, 1080)
PATIENCE_MS = 120_000
STILL_MS = 300  # a page that has not worked for so long stands still
ANSWER_MS = 3_000  # in which the app begins to work after a click; some clicks give it nothing to do
#: Counts in the page how often the app began to work; a short run would be over before anyone asks.
COUNTER = """new MutationObserver(changes => changes.forEach(change => {
    if (change.target.dataset?.testScriptState === 'running') window.runs = (window.runs ?? 0) + 1;
})).observe(document, {subtree: true, attributes: true, attributeFilter: ['data-test-script-state']})"""
#: Parts of a page that say it is not finished: a script that runs, a wait, a place not filled yet.
WORKING = (
    '[data-testid="stApp"][data-test-script-state="running"], [data-testid="stApp"]'
    ':not([data-test-connection-state="CONNECTED"]), [data-testid="stSpinner"], [data-testid="stProgress"], '
    '[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-stale="true"]'
)
#: Parts that hold Streamlit's own account of a fault, or an error sentence of the app.
FAULTS = '[data-testid="stException"], [data-testid="stAlertContentError"]'


def chromium() -> str | None:
    """Find the system's browser; None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextmanager
def started() -> Iterator[Browser]:
    """Run the system's browser, without a window, until the block ends."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One browser context on the app; it reaches the app's address and nothing else.

    Args:
        browser: A running browser.
        address: The app's address.
        size: Width and height of the window in pixels.
        dark: Whether the visitor prefers dark pages.
    """

    def __init__(self, browser: Browser, address: str, size: tuple[int, int] = LAPTOP, *, dark: bool = False) -> None:
        self.address = address
        self.asked: list[str] = []  # addresses outside of the app that anything asked for
        self.dialogs: list[str] = []
        self.faults: list[str] = []  # uncaught exceptions of the page's scripts
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(COUNTER)
        self.context.route("**/*", self._route)
        self.context.on("request", self._noted)
        self.page: Page = self.context.new_page()
        self.page.on("websocket", self._noted)
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def close(self) -> None:
        """Leave."""
        self.context.close()

    def _inside(self, url: str) -> bool:
        return url.startswith(
            (f"{self.address}/", f"ws{self.address.removeprefix('http')}/", "data:", "blob:", "about:")
        )

    def _noted(self, request: Request | WebSocket) -> None:
        if not self._inside(request.url):
            self.asked.append(request.url)

    def _route(self, route: Route) -> None:
        """Let through what goes to the app; everything else finds no network."""
        if self._inside(route.request.url):
            route.continue_()
        else:
            route.abort("internetdisconnected")

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    # Doing

    def open(self, place: str = "") -> None:
        """Open a page of the app by its path, and wait until it stands still."""
        self.page.goto(f"{self.address}/{place}")
        self.page.locator('[data-testid="stApp"]').wait_for()
        self.settle()

    def turn_to(self, title: str) -> None:
        """Go to another page by the menu, as the session goes on."""
        with self.working():
            self.page.get_by_test_id("stTopNavLink").filter(has_text=title).click()

    def settle(self) -> None:
        """Wait until the page has stood still for STILL_MS."""
        self.page.wait_for_function(
            """([working, still]) => {
                const busy = document.querySelector(working);
                const now = performance.now();
                if (busy || window.__still === undefined) window.__still = now;
                return !busy && now - window.__still >= still;
            }""",
            arg=[WORKING, STILL_MS],
            polling=50,
        )
        self.page.evaluate("delete window.__still")

    def ask(self, text: str) -> None:
        """Type a query and press Enter."""
        box = self.page.get_by_role("textbox", name="Describe the molecules you look for")
        box.fill(text)
        box.press("Enter")
        self.found().filter(has_text=f"“{text}”").wait_for()
        self.settle()

    def found(self) -> Locator:
        """The line that says what was found."""
        return self.page.locator(".st-key-summary").get_by_text(re.compile(r"best of|in both lists"))

    def press(self, name: str, *, exact: bool = False) -> None:
        """Click a button by its name."""
        with self.working():
            self.page.get_by_role("button", name=name, exact=exact).first.click()

    def take(self, button: Locator, folder: Path) -> Path:
        """Click a download button and keep the file."""
        with self.page.expect_download() as waiting:
            button.click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def switch(self, name: str) -> None:
        """Turn a toggle on or off."""
        with self.working():
            self.page.locator('[data-testid="stCheckbox"] label').filter(has_text=name).click()

    def choose(self, name: str) -> None:
        """Choose one of a row of choices."""
        with self.working():
            self.page.get_by_role("radio", name=name, exact=True).first.click()

    def set_number(self, key: str, value: float) -> None:
        """Type a number into the field of a key."""
        field = self.page.locator(f".st-key-{key} input")
        field.fill(f"{value:g}")
        with self.working():
            field.press("Enter")

    def pick(self, rank: int) -> None:
        """Press the bookmark of a hit."""
        with self.working():
            self.page.locator(f".st-key-pick-{rank} button").first.click()

    def leave_field(self) -> None:
        """Take the keyboard out of the field it is in."""
        self.page.evaluate("document.activeElement.blur()")

    def paste(self, lines: str, name: str) -> None:
        """Add a pasted list as a library, from the Library page."""
        self.choose("Paste")
        self.page.get_by_role("textbox", name="One SMILES a line").fill(lines)
        self.press("Read the list")
        self.add(name)

    def upload(self, path: Path, name: str) -> None:
        """Add a file as a library, from the Library page."""
        self.page.locator('.st-key-upload input[type="file"]').set_input_files(path)
        with self.working():
            self.page.get_by_role("button", name="Read the file").and_(self.page.locator(":enabled")).click()
        self.add(name)

    def add(self, name: str) -> None:
        """Add what was read under a name."""
        field = self.page.get_by_role("textbox", name="Name of the library")
        field.fill(name)
        with self.working():
            field.press("Enter")
        self.press("Add", exact=True)
        self.page.get_by_text("molecules now").wait_for()
        self.settle()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do something that makes the app work, and wait until it has begun and ended."""
        before = self.page.evaluate("window.runs ?? 0")
        yield
        with suppress(OverdueError):
            self.page.wait_for_function("before => (window.runs ?? 0) > before", arg=before, timeout=ANSWER_MS)
        self.settle()

    # Seeing

    def overflow_px(self) -> int:
        """How far the page reaches beyond the window's right edge."""
        return int(
            self.page.evaluate(
                """() => Math.max(...[document.documentElement, document.body,
                    ...document.querySelectorAll('[data-testid="stMain"], [data-testid="stMainBlockContainer"]')]
                    .map(box => box.scrollWidth - box.clientWidth))"""
            )
        )

    def wide(self) -> list[str]:
        """Describe the visible buttons, texts and fields that stand beyond the window's right or left edge."""
        found = self.page.evaluate(
            """() => [...document.querySelectorAll(
                'button, p, input, h1, h2, h3, h4, h5, h6, img, [data-testid="stDataFrame"], [data-testid="stMetric"]')]
                .filter(box => { const at = box.getBoundingClientRect(); return at.width && at.height &&
                    getComputedStyle(box).visibility !== 'hidden' && !box.closest('[data-testid="stSpinner"]') &&
                    (at.right > window.innerWidth + 1 || at.left < -1) })
                .map(box => `${box.tagName} ${(box.innerText || box.ariaLabel || '').slice(0, 60)}`)"""
        )
        return [str(each) for each in found]

    def errors(self) -> list[str]:
        """Return the error boxes in sight."""
        return [text.strip() for text in self.page.locator(FAULTS).all_inner_texts()]

    def card(self, rank: int) -> Locator:
        """The card of a hit."""
        return self.page.locator('[data-testid="stGridCell"]', has=self.page.locator(f".st-key-foot-first-{rank}"))

    def title(self, rank: int) -> str:
        """The name on the card of a hit."""
        return self.card(rank).get_by_test_id("stText").inner_text().removeprefix(f"{rank}. ")

    def ranks(self) -> list[int]:
        """The ranks of the cards in sight, in their order."""
        texts = self.page.locator('.st-key-hits-grid-first [data-testid="stText"]').all_inner_texts()
        return [int(text.split(".")[0]) for text in texts]

    def is_dark(self) -> bool:
        """Whether the page's ground is darker than grey."""
        colour = self.page.get_by_test_id("stApp").evaluate("box => getComputedStyle(box).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) < 3 * 128
