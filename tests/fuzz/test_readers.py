"""Files of unknown origin: whatever their bytes, each reader reads them whole or refuses them in a sentence.

The cases are the same in every run; ``python -m tests.fuzz.readers`` tries new ones for as long as wanted.
"""

import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import KINDS, Damage, damaged
from tests.fuzz.targets import TARGETS

#: Cases of each target in the usual test run; those that write a file or parse with RDKit cost more time.
CASES = {
    **dict.fromkeys(TARGETS, 500),
    **dict.fromkeys(("library smi", "library csv", "library sdf", "manifest", "table", "calibration", "basket"), 150),
    **dict.fromkeys(("run xlsx", "run parquet", "captions", "weights", "metrics", "card"), 150),
    **dict.fromkeys(("recipe", "model.toml"), 200),
    **dict.fromkeys(("smi", "csv", "sdf", "link", "name", "suffix"), 1_000),
}

DAMAGES = st.lists(
    st.builds(Damage, st.sampled_from(sorted(KINDS)), st.floats(0, 1), st.floats(0, 1), st.integers(0, 255)), max_size=5
)


def test_there_are_ten_thousand_cases() -> None:
    assert sum(CASES.values()) >= 10_000


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.slow
def test_any_bytes_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    wholes = target.seeds()

    @settings(
        max_examples=CASES[name],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @example(0, [])
    @given(st.integers(0, len(wholes) - 1), DAMAGES)
    def check(seed: int, damages: list[Damage]) -> None:
        target.check(damaged(wholes[seed], damages))

    before = _peak_mib()
    check()
    assert _peak_mib() - before < 500


@pytest.mark.parametrize("name", TARGETS)
def test_a_whole_file_is_read(name: str) -> None:
    for whole in TARGETS[name].seeds():
        TARGETS[name].check(whole)


def _peak_mib() -> float:
    """Most memory this process has ever had resident."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
