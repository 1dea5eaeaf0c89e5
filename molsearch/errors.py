"""The errors a caller can act on; each message says what, got, expected, and what to do."""


class MolsearchError(Exception):
    """Base of every error this project raises on purpose; its text is one plain sentence for a person."""


class InputError(MolsearchError):
    """A file, record, query or option handed in by the user cannot be used."""


class ModelError(MolsearchError):
    """A model folder is missing, incomplete or not the one that was asked for."""


class LibraryError(MolsearchError):
    """A stored library is missing, locked, damaged or filled by another model."""


class Cancelled(MolsearchError):  # noqa: N818 it reports no error but a wish
    """The user stopped a long step; what had been stored before stays whole."""
