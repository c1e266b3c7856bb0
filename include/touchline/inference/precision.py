"""Half the training time where the CPU multiplies bfloat16 itself."""

from __future__ import annotations

from typing import Any

from touchline.inference.torchvision_nms import torch


def training_device() -> torch.device:
    """A GPU where there is one: training is not bound to repeat exactly across machines."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device) -> Any:
    """A context in which layers run in bfloat16 where that is quick, else in float32."""
    quick = device.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=quick)
