"""The two ways to write a card's UUID: NVML and nvidia-smi put `GPU-` before it, torch does not."""


def plain_uuid(uuid: str) -> str:
    """One spelling for both, to compare and to keep: without `GPU-`, in small letters."""
    return uuid.strip().lower().removeprefix("gpu-")
