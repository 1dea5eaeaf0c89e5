"""Pieces of pages: functions that draw part of a page and return what the user chose there."""
