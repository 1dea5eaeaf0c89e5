"""Every page at the sizes of a laptop and a large screen, light and dark: nothing reaches beyond, nothing fails."""

import pytest

from tests.browser.conftest import Arrive
from tests.browser.visitor import LAPTOP, SCREEN

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize("size", [LAPTOP, SCREEN], ids=["laptop", "screen"])
def test_the_buttons_of_a_card_stand_in_one_line(arrive: Arrive, size: tuple[int, int]) -> None:
    visitor = arrive(size)
    visitor.open()
    visitor.ask("a sulfonamide with an aromatic amine")  # the first hit is the chosen one, whose button is larger
    boxes = [visitor.page.locator(f".st-key-{key}-1 button").first.bounding_box() for key in ("pick", "like", "open")]
    middles = [box["y"] + box["height"] / 2 for box in boxes if box]
    assert len(middles) == 3 and max(middles) - min(middles) < 2


def test_the_card_of_a_model_shows_none_of_its_markers(arrive: Arrive) -> None:
    visitor = arrive(LAPTOP)
    visitor.open("model")
    visitor.page.get_by_text("Trained on").first.wait_for()
    assert "figures: retrieval" not in visitor.page.locator('[data-testid="stMain"]').inner_text()


def test_the_explanation_is_in_sight_on_a_laptop_without_scrolling(arrive: Arrive) -> None:
    visitor = arrive(LAPTOP)
    visitor.open()
    visitor.ask("a sulfonamide with an aromatic amine")
    visitor.choose("Why")
    box = visitor.page.get_by_alt_text("Atoms by weight").bounding_box()
    assert box is not None and box["y"] + box["height"] <= LAPTOP[1]
