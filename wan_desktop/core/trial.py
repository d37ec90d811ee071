"""One question about a model on a PC, and what answers it: the ladder of this and of similar videos."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wan_desktop.core.calibration import Calibration
from wan_desktop.core.catalog import GenerationMode, ModelMetadata, Variant
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.ladder import Candidate, Costs, Fit, Limits, Policy, Rung, best_fit, ladder, most_frugal
from wan_desktop.core.machine import Card, card_of, limits_of, machine_of
from wan_desktop.core.measured_speed import MeasuredSpeeds
from wan_desktop.core.model_shape import ModelShape

DISK_MARGIN = 1.1
"""Free space that a download wants, as a part of its size; the downloader asks for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be checked."""

    mode: GenerationMode
    workload: Workload


@dataclass(frozen=True, slots=True)
class Subject:
    """A model with all that might take its place."""

    metadata: ModelMetadata
    variant: Variant | None
    """The one that is asked about; None for a model that lies in a folder as it is."""
    candidates: tuple[Candidate, ...]
    """What the user chose first; empty where nobody knows how the model is made."""
    is_here: bool
    download_bytes: int = 0
    """What would have to be downloaded of it."""
    modes: tuple[GenerationMode, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is to happen, on paper or here."""

    hardware: HardwareProfile
    policy: Policy = field(default_factory=Policy)
    calibration: Calibration | None = None
    speeds: MeasuredSpeeds | None = None
    """What the speed test has measured on it."""
    free_disk_bytes: int | None = None
    """On the drive of the models; None where that is not known."""


class Trial:
    """Answers one question, and those of a similar kind."""

    def __init__(self, subject: Subject, question: Question, place: Place) -> None:
        self.subject, self.question, self.place = subject, question, place
        self.card: Card = card_of(place.hardware, place.policy.gpu_uuid)
        self.limits: Limits = limits_of(place.hardware, self.card)
        self.most: Limits = limits_of(place.hardware, self.card, alone=True)
        """If nothing else were running on the card."""
        self._costs = Costs(machine_of(place.hardware, self.card, place.speeds), place.calibration)
        self._policy = replace(place.policy, card_computes=self.card.computes)

    @property
    def shape(self) -> ModelShape:
        """Of what the user chose."""
        return self.subject.candidates[0].shape

    def ladder(
        self,
        workload: Workload | None = None,
        *,
        limits: Limits | None = None,
        candidates: Sequence[Candidate] | None = None,
    ) -> tuple[Rung, ...]:
        """All rungs of this video or a similar one."""
        return ladder(
            self.subject.candidates if candidates is None else candidates,
            workload or self.question.workload,
            self._costs,
            limits or self.limits,
            self._policy,
        )

    def fitting(
        self, workload: Workload | None = None, *, limits: Limits | None = None, candidate: Candidate | None = None
    ) -> Rung | None:
        """The first rung that fits, of one candidate: what the user chose unless said otherwise."""
        candidates = [candidate] if candidate else self.subject.candidates[:1]
        rungs = self.ladder(workload, limits=limits, candidates=candidates)
        return next((rung for rung in rungs if rung.fit.fits), None)

    def fit(self) -> Fit:
        """How well this video fits with what the user chose, on the way that fits best.

        Not on the fastest, which may be tight where a slower one has room: more memory must never look worse.
        """
        if not self.subject.candidates:
            return Fit.NOT_CHECKED
        return best_fit(self.subject.candidates[0], self.question.workload, self._costs, self.limits, self._policy)

    def nearest(self) -> Rung | None:
        """Of what the user chose, the rung whose scarcest need is least above its limit; None where there is no way."""
        if not self.subject.candidates:
            return None
        try:
            return most_frugal(
                self.subject.candidates[0], self.question.workload, self._costs, self.limits, self._policy
            )
        except ValueError:
            return None
