"""Many real browser sessions at the real server: each asks, adds a list of its own, and sees nothing of the others'.

Real pages in Chromium rather than Streamlit's AppTest in threads: AppTest puts a stand-in in the place of the server,
its sessions and its websockets, so what sessions share and what keeps them apart would not be there to be tested.
"""

import asyncio
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from molsearch.pages.permalink import Permalink, fields_of
from molsearch.records import Query
from molsearch.settings import PROJECT
from tests.load.facade import Outcome
from tests.load.memory import Memory

QUESTIONS = ("a carboxylic acid used against pain", "an alcohol", "an aromatic amine", "a steroid", "a sugar")
OWN = ("CC(=O)O", "CCO", "c1ccccc1N", "CC(=O)Oc1ccccc1C(=O)O")
PATIENCE_MS = 300_000
_HIT = re.compile(r"^\d+\. ")
_READY_S = 240


def visit(home: Path, sessions: int, seconds: float) -> Outcome:
    """Start a server, let sessions use it, and stop it.

    Args:
        home: Where it keeps libraries.
        sessions: How many browser sessions.
        seconds: How long.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port", str(port)]
    environment = {**os.environ, "MOLSEARCH_HOME": str(home)}
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, *words], cwd=PROJECT, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            outcome = asyncio.run(_visited(f"http://127.0.0.1:{port}", server.pid, sessions, seconds))
        finally:
            server.terminate()
            server.wait(30)
    told = (home / "server.log").read_text(encoding="utf-8", errors="replace")
    if "Traceback" in told:
        outcome.errors.append(f"The server's log holds a traceback: {told[told.index('Traceback') :][:2_000]}")
    return outcome


def _wait(address: str) -> None:
    for _ in range(_READY_S):
        try:
            with urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(1)
    raise RuntimeError(f"The server did not answer at {address} within {_READY_S} s.")


async def _visited(address: str, process: int, sessions: int, seconds: float) -> Outcome:
    from playwright.async_api import async_playwright

    outcome = Outcome(memory=Memory(process))
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        alone = Visitor(await browser.new_page(), address, 0, outcome)
        expected = {question: await alone.asked(question) for question in QUESTIONS}
        await alone.page.close()
        outcome.seconds.clear()
        end = time.monotonic() + seconds
        visitors = [
            Visitor(await (await browser.new_context()).new_page(), address, number, outcome)
            for number in range(1, sessions + 1)
        ]
        watching = asyncio.create_task(_watch(outcome.memory))
        await asyncio.gather(*(one.stay(expected, end) for one in visitors))
        watching.cancel()
        await browser.close()
    return outcome


async def _watch(memory: Memory) -> None:
    while True:
        memory.look()
        await asyncio.sleep(1)


class Visitor:
    """One session.

    Args:
        page: Its page, in a browser context of its own.
        address: Of the server.
        number: Tells it from the others.
        outcome: Where it says what it saw.
    """

    def __init__(self, page: Any, address: str, number: int, outcome: Outcome) -> None:
        self.page = page
        self._address = address
        self._number = number
        self._outcome = outcome
        page.set_default_timeout(PATIENCE_MS)

    async def stay(self, expected: dict[str, list[str]], end: float) -> None:
        """Ask and add until the end."""
        rng = random.Random(self._number)
        try:
            while time.monotonic() < end:
                if rng.random() < 0.25:
                    await self._add()
                else:
                    question = rng.choice(QUESTIONS)
                    if (seen := await self.asked(question)) != expected[question]:
                        self._outcome.errors.append(f"session {self._number}: {question!r} brought {seen[:3]}")
        except Exception as error:
            self._outcome.errors.append(f"session {self._number}: {type(error).__name__}: {str(error)[:300]}")

    async def asked(self, question: str) -> list[str]:
        """Open a link in a new session, and read off the titles of its hits."""
        fields = fields_of(Permalink(Query(question, k=8), "examples"))
        started = time.monotonic()
        await self.page.goto(f"{self._address}/?{urlencode(fields, doseq=True)}")
        titles = await self._titles()
        self._outcome.seconds["open and search"].append(time.monotonic() - started)
        return titles

    async def _titles(self) -> list[str]:
        await self.page.get_by_text(re.compile(r"^8\. ")).first.wait_for()
        await self._still()
        return sorted(await self.page.get_by_text(_HIT).all_inner_texts())

    async def _still(self) -> None:
        await self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')

    async def _add(self) -> None:
        """Paste a list in whose names are this session's, add it, and look whose names the library shows."""
        page, started = self.page, time.monotonic()
        await page.goto(f"{self._address}/library")
        await page.get_by_text("Paste", exact=True).first.click()
        pasted = "\n".join(f"{smiles} s{self._number}x{row}" for row, smiles in enumerate(OWN))
        await page.get_by_role("textbox").first.fill(pasted)
        await page.get_by_role("button", name="Read the list").click()
        name = page.get_by_label("Name of the library")
        await name.wait_for()
        await name.fill("mine")
        await name.press("Enter")
        await self._still()
        await page.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_text("mine holds 4 molecules now").wait_for()
        self._outcome.seconds["add a list"].append(time.monotonic() - started)
