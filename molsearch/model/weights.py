"""Weights on disk: half precision, matrices as int8 with one scale a row; safetensors, never a pickle."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from molsearch.errors import ModelError

TABLE_ROWS = 128  # matrices with at least this many rows are kept as int8: tables and layers alike
_SCALE = ".row_scale"


def pack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Shrink a state: matrices to int8 rows times a half-precision scale, other floats to half precision."""
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu().contiguous()
        if tensor.dim() == 2 and len(tensor) >= TABLE_ROWS:
            scale = (tensor.float().abs().amax(1) / 127).clamp(min=1e-7).half()  # (rows,)
            scale = torch.where(scale == 0, torch.full_like(scale, 6e-8), scale)
            packed[name] = (tensor.float() / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
            packed[name + _SCALE] = scale
        else:
            packed[name] = tensor.half() if tensor.is_floating_point() else tensor
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo ``pack``, to float32."""
    state: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(_SCALE):
            continue
        scale = packed.get(name + _SCALE)
        if scale is not None:
            state[name] = tensor.float() * scale.float()[:, None]
        else:
            state[name] = tensor.float() if tensor.is_floating_point() else tensor
    return state


def write(state: Mapping[str, Tensor], path: Path) -> None:
    """Pack a state into a safetensors file."""
    save_file(pack(state), path)


def read(path: Path) -> dict[str, Tensor]:
    """Read a packed state.

    Raises:
        ModelError: If the file is missing, cut short or no safetensors file.
    """
    try:
        return unpack(load_file(path))
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"The weights in {path} cannot be read: {error}; copy the model folder again.") from error
