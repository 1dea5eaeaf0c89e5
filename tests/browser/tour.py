"""The pictures of the tour in ``molsearch/pages/README.md``, made in a real browser: ``python -m tests.browser.tour``.

They go to data/screenshots as palette PNGs at the size of a laptop.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.browser.server import ROOT, served
from tests.browser.visitor import LAPTOP, Visitor, started

TO = ROOT / "data" / "screenshots"
COLOURS = 256
QUERY = "a sulfonamide with an aromatic amine, without a carboxylic acid"
CONCEPT_OF = "testosterone"
#: A file as they come: names, a repeat, a salt, and three records that cannot be used.
LIST = """CC(=O)Oc1ccccc1C(=O)O aspirin
OC(=O)c1ccccc1OC(C)=O acetylsalicylic acid
CC(C)Cc1ccc(cc1)C(C)C(=O)O ibuprofen
CC(=O)Nc1ccc(O)cc1 paracetamol
Cn1cnc2c1c(=O)n(C)c(=O)n2C caffeine
NS(=O)(=O)c1ccc(N)cc1 sulfanilamide
CN1CCC[C@H]1c1cccnc1 nicotine
[Na+].OC(=O)c1ccccc1[O-] sodium salicylate
C1CC broken ring
c1ccccc1(C)(C)C too many bonds
hello no structure
"""


def shot(visitor: Visitor, name: str, folder: Path) -> None:
    """Save what is in sight."""
    visitor.page.mouse.move(900, 20)  # away from everything that shows more under a pointer
    visitor.page.wait_for_timeout(700)  # charts and fonts come a moment after the page stands still
    visitor.settle()
    picture = Image.open(io.BytesIO(visitor.page.screenshot()))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def ask_and_look(visitor: Visitor, folder: Path) -> None:
    """The Search page: typing, hits, filters, explanation."""
    page = visitor.page
    visitor.open()
    box = page.get_by_role("textbox", name="Describe the molecules you look for")
    box.fill(QUERY)
    shot(visitor, "ask", folder)
    visitor.ask(QUERY)
    visitor.leave_field()
    shot(visitor, "search", folder)
    visitor.switch("Filters")
    visitor.press("Lipinski", exact=True)
    visitor.set_number("from-logp", 0)
    before = visitor.found().inner_text()
    visitor.press("Apply", exact=True)
    expect(visitor.found()).not_to_have_text(before)
    visitor.settle()
    shot(visitor, "filters", folder)
    visitor.switch("Filters")
    visitor.choose("Why")
    expect(page.get_by_alt_text("Atoms by weight")).to_be_visible()
    shot(visitor, "why", folder)
    visitor.choose("Structure")


def pick_and_hand_on(visitor: Visitor, folder: Path) -> None:
    """The basket and the exports."""
    for rank in (1, 2, 3, 5):
        visitor.pick(rank)
    visitor.page.get_by_role("button", name="Export").click()
    shot(visitor, "export", folder)
    visitor.page.keyboard.press("Escape")
    visitor.turn_to("Basket")
    shot(visitor, "basket", folder)


def look_further(visitor: Visitor, folder: Path) -> None:
    """Alignment, concepts, and a library as it comes in."""
    visitor.turn_to("Alignment")
    shot(visitor, "alignment", folder)
    visitor.turn_to("Concepts")
    visitor.press(CONCEPT_OF)
    shot(visitor, "concepts", folder)
    visitor.turn_to("Library")
    visitor.choose("Paste")
    visitor.page.get_by_role("textbox", name="One SMILES a line").fill(LIST)
    visitor.press("Read the list")
    shot(visitor, "library", folder)


def main(folder: Path = TO) -> None:
    """Walk the tour on a server with an empty home of its own."""
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as address, started() as browser:
        visitor = Visitor(browser, address, LAPTOP)
        for part in (ask_and_look, pick_and_hand_on, look_further):
            part(visitor, folder)
        visitor.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
