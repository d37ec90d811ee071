"""Which way of loading worked on this machine, for a model and a size: it is tried first the next time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wan_desktop.core.estimate import Workload
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.ladder import Rung, Substitute

_MAX_BYTES, _MAX_KEPT = 1_000_000, 500


@dataclass(frozen=True, slots=True)
class _Kept:
    plans: Mapping[str, str] = field(default_factory=dict)


class RememberedPlans:
    """A small file; rubbish in it is set aside, never an error. For one thread.

    Args:
        path: The file; only in memory when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = JsonFile(path, _Kept, limit_bytes=_MAX_BYTES)
        kept = self._file.read()
        self._plans = dict(kept.plans) if kept is not None else {}

    def name(self, place: str, model_id: str, variant: str, workload: Workload) -> str:
        """Of the plan that worked there for that; empty where none is known."""
        return self._plans.get(_key(place, model_id, variant, workload), "")

    def remember(self, place: str, rung: Rung, workload: Workload) -> None:
        """This one worked.

        Args:
            place: The card's UUID; empty on a PC without one.
            rung: On which it worked.
            workload: What was made.
        """
        key = _key(place, rung.model_id, rung.variant, workload)
        if rung.substitute is not Substitute.NONE or self._plans.get(key) == rung.plan.name:
            return
        self._plans.pop(key, None)
        self._plans[key] = rung.plan.name
        while len(self._plans) > _MAX_KEPT:
            del self._plans[next(iter(self._plans))]
        self._write()

    def forget(self) -> None:
        """Forget all of them."""
        self._plans.clear()
        self._write()

    def _write(self) -> None:
        self._file.try_write(_Kept(self._plans))  # if it is refused, it is found out again the next time


def _key(place: str, model_id: str, variant: str, workload: Workload) -> str:
    size = f"{workload.width}x{workload.height}x{workload.num_frames}"
    return f"{place or 'cpu'} {model_id} {variant} {size}"
