"""What a person reads: the account of an import."""

import csv
from collections.abc import Iterator
from io import StringIO

import pytest

from molsearch.records import Entry, Molecule, Reason, Rejection
from molsearch.report.import_report import import_report, rejections_csv


class Read:
    """A library of three records: two of ethanol, one that cannot be read."""

    name = "three"
    records = 3
    molecule_count = 1
    rejection_count = 1

    def molecules(self) -> Iterator[Molecule]:
        yield Molecule("CCO", "ethanol", (Entry(1, "CCO", "smiles"), Entry(2, "OCC", "smiles")), ("normalize",))

    def rejections(self) -> Iterator[Rejection]:
        yield Rejection(Entry(3, "C1CC", "smiles", "=cmd()"), Reason.UNREADABLE, "ring 1 is not closed")


def test_every_record_is_accounted_for() -> None:
    report = import_report(Read())
    assert report.records == report.sources + report.rejections == 3


def test_repeats_are_counted_as_merged() -> None:
    assert import_report(Read()).merged == 1


def test_changes_and_reasons_are_counted_by_name() -> None:
    report = import_report(Read())
    assert report.changes == {"normalize": 1}
    assert report.reasons == {"unreadable": 1}


def test_import_reports_progress() -> None:
    seen: list[tuple[int, int]] = []
    import_report(Read(), lambda done, total: seen.append((done, total)))
    assert seen == [(0, 1)]


def test_rejections_are_written_with_row_and_reason() -> None:
    lines = list(csv.DictReader(StringIO(rejections_csv(Read().rejections()))))
    assert lines[0]["row"] == "3"
    assert lines[0]["reason"] == "unreadable"
    assert lines[0]["record"] == "C1CC"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_a_spreadsheet_would_run_is_quoted(start: str) -> None:
    nasty = Rejection(Entry(1, "C", "smiles", start + "1+1"), Reason.EMPTY, "")
    assert next(csv.DictReader(StringIO(rejections_csv([nasty]))))["name"] == "'" + start + "1+1"
