"""Which way of loading worked on this machine, for a model and a size: it is tried first the next time."""

import json
import logging
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
        if self._path is None:
            return
        try:
            write_atomically(self._path, json.dumps({"format": _FORMAT, "plans": self._plans}).encode())
        except OSError as error:  # it is found out again the next time
            logger.warning("What worked cannot be written to %s: %s", self._path, error)


def _key(place: str, model_id: str, variant: str, workload: Workload) -> str:
    size = f"{workload.width}x{workload.height}x{workload.num_frames}"
    return f"{place or 'cpu'} {model_id} {variant} {size}"


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
