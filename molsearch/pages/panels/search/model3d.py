"""A turnable 3D picture that works offline: py3Dmol's page with the shipped 3Dmol script inside it."""

import base64
from functools import cache
from io import StringIO
from pathlib import Path

import py3Dmol

SCRIPT = Path(__file__).resolve().parents[2] / "static" / "3Dmol-min.js"


@cache
def _script_address() -> str:
    """Put the script into an address of its own, as the page must load nothing from elsewhere."""
    return "data:text/javascript;base64," + base64.b64encode(SCRIPT.read_bytes()).decode()


def viewer_page(molblock: str, *, dark: bool = False) -> str:
    """Make the HTML page of a viewer.

    The page runs scripts in the app's origin, so it may hold nothing that came from a file.

    Args:
        molblock: A structure made by ``chem.conformer``, which carries no title and no properties.
        dark: Whether the page around it is dark.
    """
    view = py3Dmol.view(width="100%", height="100vh", js=_script_address())
    view.addModel(molblock, "sdf")
    view.setStyle({"stick": {"radius": 0.13}, "sphere": {"scale": 0.25}})
    view.setBackgroundColor("#171614" if dark else "#ffffff")
    view.zoomTo()
    page = StringIO()
    view.write_html(page)
    return page.getvalue()
