"""One hash for all that a stored library holds, so that a saved file can say which library it speaks of."""

import hashlib
from pathlib import Path

from molsearch.index.manifest import read_manifest
from molsearch.index.milvus_store import ADDRESS


def content_sha256(address: str | Path) -> str:
    """Hash a library's contents: vectors, constants, properties, molecules and rejections, not its name or age.

    The manifest has a hash of every byte range already, so this reads no more than the manifest. Additions in other
    portions give another hash.

    Args:
        address: As given to ``index.base.create_index``.

    Returns:
        64 hexadecimal digits, or "" on an engine that keeps no hashes.

    Raises:
        LibraryError: When there is no library or its manifest is damaged.
    """
    if ADDRESS.fullmatch(str(address)):
        return ""
    digest = hashlib.sha256()
    for segment in read_manifest(Path(address)).segments:
        for part in sorted(segment.parts, key=lambda part: part.file):
            digest.update(f"{part.file} {part.size} {part.sha256}\n".encode())
    return digest.hexdigest()
