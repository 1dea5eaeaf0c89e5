"""The basket as SDF and tables: original records, and what is known of each molecule in front."""

from dataclasses import replace
from io import BytesIO

from molsearch.chem.io.export import write_csv
from molsearch.chem.io.sdf import write_sdf
from molsearch.workspace.basket import Basket, export_rows, open_saved, save
from tests.workspace.test_basket import BLOCK, ETHANOL, FULL, OPTIONS


def test_an_export_keeps_the_molblock_with_its_coordinates_and_tags() -> None:
    write_sdf(export_rows(open_saved(save(FULL, "m1"), OPTIONS, 10_000)), stream := BytesIO())
    first = stream.getvalue().decode().split("$$$$\n")[0]
    assert first.startswith(BLOCK)
    assert ">  <batch>\nA-1\n" in first
    for tag in (
        "<rank>\n1\n",
        "<score>\n0.75\n",
        "<percentile>\n100.0\n",
        "<model_id>\nm1\n",
        "<note>\nsmells\nnice\n",
    ):
        assert tag in first


def test_a_molecule_from_the_map_is_exported_without_a_rank() -> None:
    write_csv(export_rows(Basket((replace(ETHANOL, found=None),))), stream := BytesIO())
    header, row = stream.getvalue().decode("utf-8-sig").splitlines()[:2]
    assert "rank" not in header.split(",")
    assert row.startswith("mine,m1,")


def test_a_note_that_a_spreadsheet_would_run_is_made_text() -> None:
    write_csv(export_rows(Basket((replace(ETHANOL, note="=1+1"),))), stream := BytesIO())
    assert ",'=1+1," in stream.getvalue().decode("utf-8-sig")
