"""One render of the queue: a frozen copy of what was asked for, and what became of it."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.errors import WanError
from wan_desktop.core.generation import GenerationDraft, GenerationResult
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.core.rendering import RenderOptions
from wan_desktop.core.settings import MemoryMode, Settings
from wan_desktop.core.words import tr

MAX_VERSIONS = 20
"""Of one request at a time; each has the seed after the one before."""


class RenderState(StrEnum):
    """Where a render is."""

    WAITING = "waiting"
    WAITING_FOR_MODEL = "waiting-for-model"
    """Its model is being downloaded; those behind it go first meanwhile."""
    WAITING_FOR_CARD = "waiting-for-card"
    """Other programs hold the video memory that it needs; those behind it go first meanwhile."""
    RUNNING = "running"
    NEEDS_YOU = "needs-you"
    """It failed, and goes on only when the user says so."""
    DONE = "done"
    STOPPED = "stopped"

    @property
    def waits(self) -> bool:
        """It is to be made, and nobody makes it yet."""
        return self in (RenderState.WAITING, RenderState.WAITING_FOR_MODEL, RenderState.WAITING_FOR_CARD)

    @property
    def is_over(self) -> bool:
        """It belongs to the history."""
        return self in (RenderState.DONE, RenderState.STOPPED)


class WhenDone(StrEnum):
    """What the PC is to do when nothing waits any more; carried out by the window."""

    NOTHING = "nothing"
    SLEEP = "sleep"
    SHUT_DOWN = "shut-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """The settings that a render's ladder depends on, as they were when it was added."""

    memory_mode: MemoryMode = MemoryMode.AUTOMATIC
    may_use_smaller_variant: bool = False
    may_use_other_model: bool = False
    gpu_uuid: str = ""
    """The graphics card to render on; empty: the one with most free memory."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the program's settings."""
        return cls(
            memory_mode=settings.memory_mode,
            may_use_smaller_variant=settings.may_use_smaller_variant,
            may_use_other_model=settings.may_use_other_model,
            gpu_uuid=settings.gpu_uuid,
        )

    def applied_to(self, settings: Settings) -> Settings:
        """The program's settings with these in their place, for `RenderPlanner.use`."""
        return settings.with_changes(
            memory_mode=self.memory_mode,
            may_use_smaller_variant=self.may_use_smaller_variant,
            may_use_other_model=self.may_use_other_model,
            gpu_uuid=self.gpu_uuid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOrder:
    """What is to be made, and with what; nothing that happens later changes it."""

    model_id: str
    draft: GenerationDraft
    """In a job of the queue its seed is drawn, and its pictures are the queue's own copies."""
    options: RenderOptions = field(default_factory=RenderOptions)
    memory: MemorySettings = field(default_factory=MemorySettings)

    @property
    def loads(self) -> tuple[str, str]:
        """What has to be loaded for it: two orders with the same need one loading."""
        return self.model_id, self.draft.variant


@dataclass(frozen=True, slots=True)
class RenderEstimate:
    """How long a render takes, as it was thought when it was added."""

    seconds_low: float
    seconds_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedChange:
    """A change of an order that may help; None and False leave things as they are."""

    text: str
    """For the button."""
    width: int | None = None
    height: int | None = None
    num_frames: int | None = None
    num_inference_steps: int | None = None
    without_image: bool = False
    """Make it from text only."""
    model_id: str | None = None
    variant: str | None = None
    memory_mode: MemoryMode | None = None
    waits_for_card: bool = False
    """It starts by itself when `vram_peak_bytes` are free on the card."""
    estimate: RenderEstimate | None = None
    vram_peak_bytes: int | None = None
    ram_peak_bytes: int | None = None

    @classmethod
    def from_recommendation(cls, found: Recommendation) -> Self | None:
        """The change that a recommendation means; None where it is not the order that has to change."""
        makes_of_image = found.mode in (GenerationMode.I2V, GenerationMode.TI2V)
        if found.kind not in (ChangeKind.REQUEST, ChangeKind.VARIANT, ChangeKind.MODEL) or makes_of_image:
            return None  # only the user can close programs, or give a picture
        has_time = found.seconds_low is not None and found.seconds_high is not None
        return cls(
            text=found.text,
            width=found.width,
            height=found.height,
            num_frames=found.num_frames,
            without_image=found.mode is GenerationMode.T2V,
            model_id=found.model_id,
            variant=found.variant,
            estimate=RenderEstimate(found.seconds_low or 0.0, found.seconds_high or 0.0) if has_time else None,
            vram_peak_bytes=found.vram_peak_bytes,
            ram_peak_bytes=found.ram_peak_bytes,
        )

    def applied_to(self, order: RenderOrder) -> RenderOrder:
        """The order with the change made."""
        names = ("width", "height", "num_frames", "num_inference_steps", "variant")
        changes = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.model_id not in (None, order.model_id):
            changes.setdefault("variant", "")  # variants are named per model
        if self.without_image:
            changes |= {"image": None, "last_image": None}
        memory = order.memory
        if self.memory_mode is not None:
            memory = replace(memory, memory_mode=self.memory_mode)
        model_id = order.model_id if self.model_id is None else self.model_id
        return replace(order, model_id=model_id, draft=replace(order.draft, **changes), memory=memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error as it is written down, with what may help."""

    code: str
    number: int
    title: str
    message: str
    hint: str = ""
    details: str = ""
    changes: tuple[OfferedChange, ...] = ()

    @property
    def shown_title(self) -> str:
        """The title in the language in use; what is written down is English."""
        return tr(self.title)

    @classmethod
    def of(cls, error: WanError, changes: tuple[OfferedChange, ...] = ()) -> Self:
        """What is kept of an error."""
        return cls(
            code=error.code,
            number=error.number,
            title=error.title,
            message=error.message,
            hint=error.hint,
            details=error.details,
            changes=changes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderJob:
    """One render and how it stands. Times are ISO 8601, UTC; empty where it has not come to that."""

    job_id: str
    order: RenderOrder
    created_at: str
    state: RenderState = RenderState.WAITING
    estimate: RenderEstimate | None = None
    image_from: Path | None = None
    """Where the start image was when the job was added; what is used is the copy in `order.draft`."""
    last_image_from: Path | None = None
    interrupted: bool = False
    """The program ended while it ran; it begins anew."""
    crashes: int = 0
    """How often that happened since the user last said that it shall be made."""
    started_at: str = ""
    target: Path | None = None
    """Where its video was asked to go, noted before it was made; a file there is whole."""
    ended_at: str = ""
    needs_vram_bytes: int = 0
    """While it waits for the card: so much must be free."""
    trouble: Trouble | None = None
    """Why it needs the user."""
    result: GenerationResult | None = None
    """Of a job that is done; says where the video is."""

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The queue's copies that it needs."""
        draft = self.order.draft
        return tuple(picture for picture in (draft.image, draft.last_image) if picture is not None)
