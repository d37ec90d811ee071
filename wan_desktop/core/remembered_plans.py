"""Which way of loading worked on this machine, for a model and a size: it is tried first the next time."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from wan_desktop.core.estimate import Workload
from wan_desktop.core.files import write_atomically
from wan_desktop.core.ladder import Rung, Substitute

logger = logging.getLogger(__name__)

_FORMAT = 1
_MAX_BYTES, _MAX_KEPT = 1_000_000, 500


class RememberedPlans:
    """A small file; rubbish in it is forgotten, never an error. For one thread.

    Args:
        path: The file; only in memory when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._plans = _read(path) if path is not None else {}

    def order(self, rungs: Sequence[Rung], workload: Workload) -> tuple[Rung, ...]:
        """The rungs, those first that worked before; what failed above them then would fail again."""
        own = [rung for rung in rungs if rung.substitute is Substitute.NONE]
        if not own:
            return tuple(rungs)
        name = self._plans.get(_key(own[0], workload))
        known = [rung for rung in own if rung.plan.name == name]
        return (*known, *(rung for rung in rungs if rung not in known))

    def remember(self, rung: Rung, workload: Workload) -> None:
        """This one worked."""
        key = _key(rung, workload)
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
        if self._path is None:
            return
        try:
            write_atomically(self._path, json.dumps({"format": _FORMAT, "plans": self._plans}).encode())
        except OSError as error:  # it is found out again the next time
            logger.warning("What worked cannot be written to %s: %s", self._path, error)


def _key(rung: Rung, workload: Workload) -> str:
    size = f"{workload.width}x{workload.height}x{workload.num_frames}"
    return f"{rung.plan.gpu_uuid or rung.plan.device} {rung.model_id} {rung.variant} {size}"


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        plans = data["plans"] if data["format"] == _FORMAT else {}
        return {str(key): str(name) for key, name in plans.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("What worked before is forgotten, %s cannot be read: %s", path, error)
        return {}
