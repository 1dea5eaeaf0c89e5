"""Fixtures of the browser tests: the real server with the shipped model, and people at browsers of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.server import served
from tests.browser.visitor import LAPTOP, Visitor, chromium, started

Arrive = Callable[..., Visitor]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running app that starts with empty folders."""
    if chromium() is None:
        pytest.skip("no chromium here: install it (Debian: apt-get install chromium) to run the browser tests")
    with served(tmp_path_factory.mktemp("app")) as address:
        yield address


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    """A running browser; of one module, as its driver keeps an event loop in this thread."""
    with started() as running:
        yield running


@pytest.fixture
def arrive(browser: Browser, address: str) -> Iterator[Arrive]:
    """Let a visitor with an own browser context come; all leave at the end, and none may have reached outside."""
    came: list[Visitor] = []

    def one(size: tuple[int, int] = LAPTOP, *, dark: bool = False) -> Visitor:
        came.append(Visitor(browser, address, size, dark=dark))
        return came[-1]

    yield one
    for visitor in came:
        visitor.close()
    assert [visitor.asked for visitor in came] == [[] for _ in came], "something outside of the app was asked for"
    assert [visitor.dialogs for visitor in came] == [[] for _ in came], "a dialog opened"
    assert [visitor.faults for visitor in came] == [[] for _ in came], "a script of the page failed"


@pytest.fixture
def visitor(arrive: Arrive) -> Visitor:
    """One visitor at a laptop."""
    return arrive()


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A folder for what the visitor takes home."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder
