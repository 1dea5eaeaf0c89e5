"""Packed weights: how much is lost, what stays whole, what damage is told."""

from pathlib import Path

import pytest
import torch

from molsearch.errors import ModelError
from molsearch.model import weights


def table(rows: int = weights.TABLE_ROWS) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(rows, 6) * torch.logspace(-1, 2, rows)[:, None]


def test_a_large_table_is_kept_as_bytes_and_comes_back_within_half_a_step() -> None:
    matrix = table()
    packed = weights.pack({"t": matrix})
    assert packed["t"].dtype == torch.int8
    # Half a step of 1/127 of the row's largest value, and the scale itself rounded to half precision (2**-11).
    bound = matrix.abs().amax(1, keepdim=True) * (0.5 / 127 + 2**-11) + 1e-7
    assert ((weights.unpack(packed)["t"] - matrix).abs() <= bound).all()


def test_a_row_of_zeros_stays_zero() -> None:
    matrix = table()
    matrix[7] = 0
    assert (weights.unpack(weights.pack({"t": matrix}))["t"][7] == 0).all()


def test_smaller_matrices_are_kept_in_half_precision() -> None:
    matrix = table(weights.TABLE_ROWS - 1).clamp(-100, 100)
    back = weights.unpack(weights.pack({"m": matrix}))["m"]
    assert back.dtype == torch.float32
    # 11 significant bits, and steps of 2**-24 near zero.
    assert ((back - matrix).abs() <= matrix.abs() * 2**-11 + 2**-25).all()


def test_whole_numbers_come_back_as_they_were() -> None:
    state = {"count": torch.tensor([3, 70_000]), "flag": torch.tensor(5)}
    back = weights.unpack(weights.pack(state))
    assert all(torch.equal(back[name], value) and back[name].dtype == value.dtype for name, value in state.items())


def test_packing_what_was_unpacked_changes_nothing_more() -> None:
    packed = weights.pack({"t": table(), "m": torch.randn(4, 4)})
    again = weights.pack(weights.unpack(packed))
    first, second = weights.unpack(packed), weights.unpack(again)
    assert torch.equal(first["m"], second["m"])
    assert torch.allclose(first["t"], second["t"], rtol=2e-3, atol=1e-6)


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}
    weights.write(state, tmp_path / "w.safetensors")
    back = weights.read(tmp_path / "w.safetensors")
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


@pytest.mark.parametrize("keep", [0, 5, 60])
def test_weights_cut_short_are_told(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "w.safetensors"
    weights.write({"a": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"w\.safetensors cannot be read.*copy the model folder again"):
        weights.read(path)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        weights.read(tmp_path / "none.safetensors")
