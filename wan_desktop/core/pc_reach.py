"""What a PC can make: each model of the catalog checked on paper, and the answer in a sentence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wan_desktop.core.calibration import Calibration
from wan_desktop.core.catalog import Catalog, GenerationMode, ModelMetadata, Variant, VideoSize
from wan_desktop.core.compatibility import CompatibilityCheck, check
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.ladder import Candidate, Fit, Policy
from wan_desktop.core.load_plan import Device
from wan_desktop.core.measured_speed import MeasuredSpeeds
from wan_desktop.core.model_shape import ModelShape, shape_of_entry
from wan_desktop.core.settings import Settings
from wan_desktop.core.trial import Place, Question, Subject, Trial
from wan_desktop.core.words import tr, trn

_ORDER = (Fit.WELL, Fit.TIGHT, Fit.SLOW)
_SIZE_CLASS = re.compile(r"\d+(\.\d+)?B\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReach:
    """What one model can make here, in the packaging that suits the PC best."""

    model_id: str
    name: str
    size_class: str
    """As its name has it: `14B`, `1.3B`; empty if it has none."""
    variant: str
    """The most exact one of those that fit best; the smallest one if none fits."""
    fit: Fit
    """Of the largest video below."""
    on_card: bool
    """It computes on a graphics card; False where the processor has to, or nothing fits."""
    width: int
    height: int
    num_frames: int
    """The largest video of the model's own sizes that fits; its default one if none does."""
    fps: int
    seconds_low: float | None = None
    seconds_high: float | None = None
    """How long that video takes, if the speed of the machine is known."""

    @property
    def video_seconds(self) -> float:
        """The length of that video."""
        return self.num_frames / self.fps


def reach(
    profile: HardwareProfile,
    catalog: Catalog,
    settings: Settings | None = None,
    calibration: Calibration | None = None,
    speeds: MeasuredSpeeds | None = None,
) -> tuple[ModelReach, ...]:
    """Check every model that can be downloaded; up to some seconds, for a lane.

    Args:
        profile: The PC.
        catalog: The models; those without a packaging that can be judged are left out.
        settings: Which card, and how memory is used.
        calibration: What renders on this PC have shown.
        speeds: What the speed test has measured.
    """
    wishes = settings or Settings()
    policy = Policy(mode=wishes.memory_mode, gpu_uuid=wishes.gpu_uuid)
    place = Place(profile, policy, calibration, speeds)
    found = (_of_model(metadata, place) for metadata in catalog.values() if not metadata.folder)
    return tuple(each for each in found if each is not None)


def _of_model(metadata: ModelMetadata, place: Place) -> ModelReach | None:
    shapes = [(each, shape_of_entry(metadata, each)) for each in metadata.variants if not each.is_refused]
    packagings = [(variant, shape) for variant, shape in shapes if shape is not None]
    if not packagings or not metadata.modes:
        return None
    larger = [size for size in metadata.sizes if _area(size) > _area(metadata.sizes[0])]
    smaller = [size for size in metadata.sizes if _area(size) < _area(metadata.sizes[0])]
    default = _best(metadata, packagings, place, metadata.sizes[0], metadata.num_frames)
    if default is not None:
        found = (_best(metadata, packagings, place, size, metadata.num_frames) for size in _from_large(larger))
        return next((each for each in found if each and _rank(each) <= _rank(default)), default)
    lengths = sorted((each for each in metadata.num_frames_choices if each <= metadata.num_frames), reverse=True)
    videos = ((size, length) for length in lengths for size in _from_large([metadata.sizes[0], *smaller]))
    tries = (_best(metadata, packagings, place, *video) for video in videos)
    nothing = _made(metadata, packagings[-1][0].name, metadata.sizes[0], metadata.num_frames, Fit.TOO_BIG, None)
    return next((each for each in tries if each), nothing)


def _best(
    metadata: ModelMetadata,
    packagings: Sequence[tuple[Variant, ModelShape]],
    place: Place,
    size: VideoSize,
    num_frames: int,
) -> ModelReach | None:
    """That video in the packaging that suits it best: the most exact one, of slow ones the fastest; None if none."""
    workload = Workload(
        width=size.width,
        height=size.height,
        num_frames=num_frames,
        num_inference_steps=metadata.num_inference_steps,
        has_image=metadata.modes[0] is not GenerationMode.T2V,
        guidance_scale=metadata.guidance_scale,
        guidance_scale_2=metadata.guidance_scale_2,
    )
    question = Question(mode=metadata.modes[0], workload=workload)
    found = []
    for variant, shape in packagings:
        candidate = Candidate(metadata.model_id, variant.name, shape)
        subject = Subject(metadata, variant, (candidate,), is_here=True, modes=metadata.modes)
        if Trial(subject, question, place).fit().fits:
            answer = check(subject, question, place)
            found.append(_made(metadata, variant.name, size, num_frames, answer.fit, answer))
    return min(found, key=_preference, default=None)


def _from_large(sizes: Sequence[VideoSize]) -> list[VideoSize]:
    return sorted(sizes, key=lambda size: -_area(size))


def _area(size: VideoSize) -> int:
    return size.width * size.height


def _rank(made: ModelReach) -> tuple[bool, int]:
    return not made.on_card, _ORDER.index(made.fit)


def _preference(made: ModelReach) -> tuple[bool, int, float]:
    is_slow = made.fit is Fit.SLOW
    return (*_rank(made), (made.seconds_high or 0.0) if is_slow else 0.0)


def _made(
    metadata: ModelMetadata,
    variant: str,
    size: VideoSize,
    num_frames: int,
    fit: Fit,
    answer: CompatibilityCheck | None,
) -> ModelReach:
    cost = answer.estimate if answer else None
    plan = answer.plan if answer else None
    label = _SIZE_CLASS.search(metadata.name)
    return ModelReach(
        model_id=metadata.model_id,
        name=metadata.name,
        size_class=label.group() if label else "",
        variant=variant,
        fit=fit,
        on_card=plan is not None and plan.device is not Device.CPU,
        width=size.width,
        height=size.height,
        num_frames=num_frames,
        fps=metadata.fps,
        seconds_low=cost.seconds_low if cost else None,
        seconds_high=cost.seconds_high if cost else None,
    )


# In words ------------------------------------------------------------------------------------------------------------


def reach_in_words(found: Sequence[ModelReach]) -> str:
    """Such as "Your PC runs the 5B model well, and the 14B models with little room. Up to 720p, 5 seconds."."""
    fitting = [each for each in found if each.fit.fits]
    if not fitting:
        return tr("Your PC can make videos with the built-in model only. No other model fits.") if found else ""
    clauses = list(_clauses(fitting))
    what = tr("{most}, and {last}", most=", ".join(clauses[:-1]), last=clauses[-1]) if clauses[1:] else clauses[0]
    words = [tr("Your PC runs {what}.", what=what)]
    if any(each.on_card for each in fitting):
        best = max(fitting, key=lambda each: (each.on_card, min(each.width, each.height), each.video_seconds))
        words.append(tr("Up to {size}, {seconds} seconds.", size=_lines(best), seconds=f"{best.video_seconds:.0f}"))
    if too_big := [each.name for each in found if not each.fit.fits]:
        words.append(tr("Too big for it: {models}.", models=_listed(too_big)))
    return " ".join(words)


def _clauses(fitting: Sequence[ModelReach]) -> Iterator[str]:
    """How it runs which models, those that run best first; models of one size are spoken of as the slowest of them."""
    classes: dict[str, list[ModelReach]] = {}
    for each in sorted(fitting, key=lambda each: -_billions(each)):
        classes.setdefault(each.size_class or each.name, []).append(each)
    by_rank: dict[tuple[bool, int], list[str]] = {}
    for name, models in classes.items():
        words = trn("the {name} model", "the {name} models", len(models), name=name)
        by_rank.setdefault(max(map(_rank, models)), []).append(words)
    for (on_processor, fit), names in sorted(by_rank.items()):
        listed = _listed(names)
        if on_processor:
            yield tr("{models} very slowly, on the processor", models=listed)
        elif _ORDER[fit] is Fit.WELL:
            yield tr("{models} well", models=listed)
        elif _ORDER[fit] is Fit.TIGHT:
            yield tr("{models} with little room", models=listed)
        else:
            yield tr("{models} slowly, with memory saving", models=listed)


def _lines(made: ModelReach) -> str:
    """`720p`, also for 704 lines: the 5B model's multiple of 32 next to it."""
    lines = min(made.width, made.height)
    return "720p" if 704 <= lines <= 720 else f"{lines}p"


def _billions(made: ModelReach) -> float:
    return float(made.size_class.rstrip("B") or 0)


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return tr("{most} and {last}", most=", ".join(words[:-1]), last=words[-1])
