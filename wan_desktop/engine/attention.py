"""Which attention kernel a transformer computes with, set for that model alone.

diffusers' `set_attention_backend` also sets a global of the process, which its reset leaves as it is (0.42, measured);
the next model would compute with it. Each attention layer's own setting goes first, so only that is set here.
"""

import warnings
from typing import Any

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

from wan_desktop.core.attention import Attention
from wan_desktop.core.errors import IncompatibleError
from wan_desktop.core.words import tr

_PROBE_TOKENS = 64


def check_attention(attention: Attention, head_dim: int, device: torch.device, dtype: torch.dtype) -> None:
    """Compute a small attention with that kernel.

    Raises:
        IncompatibleError: This machine does not have it, or not for such numbers.
    """
    query = torch.zeros(1, _PROBE_TOKENS, 1, head_dim, device=device, dtype=dtype)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # torch warns once for each reason why a kernel cannot be used, and then raises.
            warnings.simplefilter("ignore")
            dispatch_attention_fn(query, query, query, backend=AttentionBackendName(attention.value))
    except (RuntimeError, ValueError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise IncompatibleError(
            tr(
                "The attention kernel {attention} cannot be used on this machine with {dtype} numbers.",
                attention=attention.value,
                dtype=dtype,
            ),
            hint=tr("Let torch choose the kernel."),
            details=str(error),
        ) from error


def use_attention(transformer: Any, attention: Attention) -> None:
    """Let all attention layers of this transformer use that kernel, whatever the process-wide setting is."""
    for processor in transformer.attn_processors.values():
        processor._attention_backend = AttentionBackendName(attention.value)
