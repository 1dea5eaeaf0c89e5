"""Compare what is read and how is ranked with the golden files: python -m tests.golden [--write] [SHARED]."""

import sys
from pathlib import Path

from molsearch.screener import Screener
from tests.golden.readings import (
    CAPTIONS,
    QUERIES,
    RANKS,
    captions,
    digest,
    encoded_together,
    rank_lines,
    reading,
    shipped_queries,
    written,
)


def main(shared: Path, write: bool) -> int:
    """Print each line that differs; return how many do."""
    screener = Screener()
    queries, chosen = shipped_queries(), captions(shared)
    with encoded_together(screener, [*queries, *chosen.values()]):
        now = {
            QUERIES: [written(text, reading(screener, text)) for text in queries],
            CAPTIONS: [f"{key}\t{digest(reading(screener, text))}" for key, text in chosen.items()],
        }
    now[RANKS] = list(rank_lines(screener, shared))
    differing = 0
    for path, lines in now.items():
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        gone, come = sorted(set(before) - set(lines)), sorted(set(lines) - set(before))
        differing += max(len(gone), len(come))
        print(f"{path.name}: {len(lines)} lines, {len(come)} of them differ")
        print("".join(f"- {line}\n" for line in gone) + "".join(f"+ {line}\n" for line in come), end="")
        if write:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return differing


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--write"]
    folder = Path(words[0]) if words else Path(__file__).resolve().parents[3] / "shared"
    sys.exit(1 if main(folder, "--write" in sys.argv) and "--write" not in sys.argv else 0)
