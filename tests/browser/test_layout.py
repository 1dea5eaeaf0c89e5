"""Every page at the sizes of a laptop and a large screen, light and dark: nothing reaches beyond, nothing fails."""

import pytest

from tests.browser.conftest import Arrive
from tests.browser.visitor import LAPTOP, SCREEN

PAGES = ("Search", "Basket", "Library", "Concepts", "Alignment", "Model")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, SCREEN], ids=["laptop", "screen"])
def test_every_page_fits_its_window(arrive: Arrive, size: tuple[int, int], dark: bool) -> None:
    visitor = arrive(size, dark=dark)
    visitor.open()
    visitor.ask("a steroid hormone with a ketone conjugated to a double bond")
    visitor.pick(1)
    wrong = {}
    for title in PAGES:
        visitor.turn_to(title)
        seen = (visitor.overflow_px(), visitor.wide(), visitor.errors(), visitor.is_dark())
        if seen != (0, [], [], dark):
            wrong[title] = seen
    assert wrong == {}


@pytest.mark.parametrize("size", [LAPTOP, SCREEN], ids=["laptop", "screen"])
def test_filters_table_and_map_fit_their_window(arrive: Arrive, size: tuple[int, int]) -> None:
    visitor = arrive(size)
    visitor.open()
    visitor.ask("a flavonoid")
    visitor.switch("Filters")
    assert (visitor.overflow_px(), visitor.wide(), visitor.errors()) == (0, [], [])
    visitor.switch("Filters")
    for view in ("Table", "Map", "Grid"):
        visitor.choose(view)
        assert (visitor.overflow_px(), visitor.wide(), visitor.errors()) == (0, [], [])


def test_the_explanation_is_in_sight_on_a_laptop_without_scrolling(arrive: Arrive) -> None:
    visitor = arrive(LAPTOP)
    visitor.open()
    visitor.ask("a sulfonamide with an aromatic amine")
    visitor.choose("Why")
    box = visitor.page.get_by_alt_text("Atoms by weight").bounding_box()
    assert box is not None and box["y"] + box["height"] <= LAPTOP[1]
