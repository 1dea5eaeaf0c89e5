"""A library as a map: every molecule's vector at a place in the plane, and which molecules lie in a part of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from molsearch.errors import InputError
from molsearch.records import Progress

SAMPLE = 5_000  # molecules the axes are fitted on; more move them less than a point's width
BLOCK = 8_192  # molecules placed at once, so that memory does not grow with the library
MAX_CORNERS = 5_000  # of a drawn outline

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ChemSpace:
    """Places of N molecules in the plane of the two directions along which a library's vectors differ most.

    Attributes:
        points: (N, 2) places in row order, without unit.
        shares: Share of the vectors' variance along either direction, in percent.
    """

    points: Floats
    shares: tuple[float, float]

    def within_box(self, corner: tuple[float, float], opposite: tuple[float, float]) -> Rows:
        """Return the rows inside a rectangle or on its edge, ascending."""
        low, high = np.minimum(corner, opposite), np.maximum(corner, opposite)
        return np.flatnonzero(((self.points >= low) & (self.points <= high)).all(axis=1))

    def within_outline(self, x: list[float], y: list[float]) -> Rows:
        """Return the rows inside a closed outline by the even-odd rule, ascending.

        Args:
            x: Horizontal places of its corners, in order; the last is joined to the first.
            y: Vertical places of the same corners.

        Raises:
            InputError: If it has fewer than three corners, or more than MAX_CORNERS.
        """
        if len(x) != len(y) or not 3 <= len(x) <= MAX_CORNERS:
            raise InputError(
                f"The outline has {len(x):,} corners, expected 3 to {MAX_CORNERS:,}; draw it around molecules again."
            )
        near = self.within_box((min(x), min(y)), (max(x), max(y)))
        across, up = self.points[near].T.astype(np.float64)  # (M,) each
        inside = np.zeros(len(near), np.bool_)
        for x1, y1, x2, y2 in zip(x, y, [*x[1:], x[0]], [*y[1:], y[0]], strict=True):
            if y1 == y2:
                continue  # a ray to the right never crosses a level edge
            crossed = (up < y1) != (up < y2)
            inside ^= crossed & (across < x1 + (up - y1) * ((x2 - x1) / (y2 - y1)))
        return near[inside]


def project(vectors: npt.NDArray[np.floating], *, seed: int = 0, progress: Progress | None = None) -> ChemSpace:
    """Place vectors in the plane by principal component analysis, the axes fitted on a seeded sample.

    Args:
        vectors: (N, D), perhaps mapped from a file; read once, a block at a time.
        seed: Draws the sample; the same vectors and seed give the same map.
        progress: Told of the molecules placed; may raise ``Cancelled``.
    """
    from sklearn.decomposition import PCA  # slow to import, and most sessions draw no map

    count, width = vectors.shape
    dimensions = min(2, count - 1, width)
    points = np.zeros((count, 2), np.float32)
    if dimensions < 1:
        return ChemSpace(points, (0.0, 0.0))
    rows = np.sort(np.random.default_rng(seed).choice(count, min(SAMPLE, count), replace=False))
    with np.errstate(invalid="ignore"):  # equal vectors have no variance to share out
        pca = PCA(dimensions, svd_solver="covariance_eigh").fit(vectors[rows].astype(np.float32))
    for start in range(0, count, BLOCK):
        if progress:
            progress(start, count)
        block = vectors[start : start + BLOCK].astype(np.float32)
        points[start : start + BLOCK, :dimensions] = pca.transform(block)
    shares = [100.0 * float(share) for share in np.nan_to_num(pca.explained_variance_ratio_)]
    return ChemSpace(points, (shares[0], shares[1] if dimensions > 1 else 0.0))
