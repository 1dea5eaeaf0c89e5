"""Bytes and records: files are opened, decoded, cleaned up and written."""
