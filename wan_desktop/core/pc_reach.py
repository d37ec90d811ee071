"""What a PC can make: each model of the catalog checked on paper, and the answer in a sentence."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wan_desktop.core.calibration import Calibration
from wan_desktop.core.catalog import Catalog, Component, ModelMetadata, Variant
from wan_desktop.core.compatibility import CompatibilityCheck, ModelCompatibility, check
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.ladder import Candidate, Fit, Policy, Substitute
from wan_desktop.core.load_plan import Device
from wan_desktop.core.measured_speed import MeasuredSpeeds
from wan_desktop.core.model_shape import shape_of_entry
from wan_desktop.core.settings import Settings
from wan_desktop.core.trial import Place, Question, Subject
from wan_desktop.core.words import tr, trn

_ORDER = (Fit.WELL, Fit.TIGHT, Fit.SLOW, Fit.NOT_CHECKED, Fit.TOO_BIG)
_BILLION = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReach:
    """What one model can make here, in the packaging that suits the PC best."""

    model_id: str
    name: str
    parameters: int
    """Of its transformer."""
    variant: str
    """The most exact one of those that fit best; of the smallest one if none fits."""
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
    def size_class(self) -> str:
        """As people call it: `14B`, `1.3B`."""
        billions = self.parameters / _BILLION
        return f"{billions:.1f}B" if billions < 2 else f"{billions:.0f}B"

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
    """Check every model that can be downloaded; a third of a second, for a lane.

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
    variants = [each for each in metadata.variants if not each.is_refused and shape_of_entry(metadata, each)]
    if not variants or not metadata.modes or Component.TRANSFORMER not in metadata.parameters:
        return None
    chosen = min(((each, _check(metadata, each, place, 0)) for each in variants), key=lambda pair: _rank(pair[1]))
    variant, answer = chosen
    if answer.fit.fits:
        return _made(metadata, variant, answer, *_largest(metadata, variant, place, answer))
    smaller = _smaller(metadata, variants, place)
    return _made(metadata, *smaller) if smaller else _made(metadata, variants[-1], answer, 0, metadata.num_frames)


def _smaller(
    metadata: ModelMetadata, variants: Sequence[Variant], place: Place
) -> tuple[Variant, CompatibilityCheck, int, int] | None:
    """The first smaller or shorter video that fits in any packaging."""
    sizes = sorted(range(len(metadata.sizes)), key=lambda index: -_area(metadata, index))
    for frames in sorted(metadata.num_frames_choices, reverse=True):
        for index in sizes:
            for variant in variants:
                answer = _check(metadata, variant, place, index, frames)
                if answer.fit.fits:
                    return variant, answer, index, frames
    return None


def _largest(
    metadata: ModelMetadata, variant: Variant, place: Place, default: CompatibilityCheck
) -> tuple[int, int]:
    """Which size, by its index, goes at least as well as the default one; and the default length."""
    for index in sorted(range(len(metadata.sizes)), key=lambda index: -_area(metadata, index)):
        if _area(metadata, index) <= _area(metadata, 0):
            break
        if _rank(_check(metadata, variant, place, index)) <= _rank(default):
            return index, metadata.num_frames
    return 0, metadata.num_frames


def _area(metadata: ModelMetadata, index: int) -> int:
    return metadata.sizes[index].width * metadata.sizes[index].height


def _check(
    metadata: ModelMetadata, variant: Variant, place: Place, size_index: int, frames: int = 0
) -> CompatibilityCheck:
    shape = shape_of_entry(metadata, variant)
    assert shape is not None
    candidate = Candidate(metadata.model_id, variant.name, shape, Substitute.NONE)
    mode = metadata.modes[0]
    size = metadata.sizes[size_index]
    workload = Workload(
        width=size.width,
        height=size.height,
        num_frames=frames or metadata.num_frames,
        num_inference_steps=metadata.num_inference_steps,
        has_image=mode.value != "t2v",
        guidance_scale=metadata.guidance_scale,
        guidance_scale_2=metadata.guidance_scale_2,
    )
    subject = Subject(metadata, variant, (candidate,), True, 0, metadata.modes)
    found = check(subject, Question(mode=mode, workload=workload), place)
    is_out = found.level is ModelCompatibility.INCOMPATIBLE and found.fit.fits
    return replace(found, fit=Fit.TOO_BIG) if is_out else found


def _rank(answer: CompatibilityCheck) -> tuple[int, bool]:
    return _ORDER.index(answer.fit), not _on_card(answer)


def _on_card(answer: CompatibilityCheck) -> bool:
    return answer.plan is not None and answer.plan.device is not Device.CPU


def _made(
    metadata: ModelMetadata, variant: Variant, answer: CompatibilityCheck, size_index: int, frames: int
) -> ModelReach:
    size, cost = metadata.sizes[size_index], answer.estimate if answer.fit.fits else None
    return ModelReach(
        model_id=metadata.model_id,
        name=metadata.name,
        parameters=metadata.parameters[Component.TRANSFORMER],
        variant=variant.name,
        fit=answer.fit,
        on_card=_on_card(answer),
        width=size.width,
        height=size.height,
        num_frames=frames,
        fps=metadata.fps,
        seconds_low=cost.seconds_low if cost else None,
        seconds_high=cost.seconds_high if cost else None,
    )


# In words ------------------------------------------------------------------------------------------------------------


def reach_in_words(found: Sequence[ModelReach]) -> str:
    """`Your PC runs the 5B model well, and the 14B models slowly with memory saving. Up to 720p, 5 seconds.`"""
    fitting = [each for each in found if each.fit.fits]
    if not fitting:
        return tr("Your PC can only make videos with the built-in model. No other model fits.") if found else ""
    words = [tr("Your PC runs {what}.", what=_listed(list(_clauses(fitting))))]
    too_big = [each for each in found if not each.fit.fits]
    if too_big:
        words.append(tr("Too big for it: {models}.", models=_listed(_names(too_big))))
    on_card = [each for each in fitting if each.on_card]
    best = max(on_card or fitting, key=lambda each: (min(each.width, each.height), each.video_seconds))
    size, seconds = f"{min(best.width, best.height)}p", f"{best.video_seconds:.0f}"
    if on_card:
        words.append(tr("Videos up to {size} and {seconds} seconds are realistic.", size=size, seconds=seconds))
    else:
        words.append(tr("On the processor a video takes hours."))
    return " ".join(words)


def _clauses(fitting: Sequence[ModelReach]) -> Iterator[str]:
    """How it runs which models; the best first."""
    on_card = [each for each in fitting if each.on_card]
    for fit, sentence in (
        (Fit.WELL, "{models} well"),
        (Fit.TIGHT, "{models} with little room"),
        (Fit.SLOW, "{models} slowly, with memory saving"),
    ):
        if same := [each for each in on_card if each.fit is fit]:
            yield tr(sentence, models=_listed(_names(same)))
    if on_processor := [each for each in fitting if not each.on_card]:
        yield tr("{models} very slowly, on the processor", models=_listed(_names(on_processor)))


def _names(models: Iterable[ModelReach]) -> list[str]:
    """`the 5B model`, `the 14B models`; the largest first."""
    by_class: dict[str, int] = {}
    for each in sorted(models, key=lambda each: -each.parameters):
        by_class[each.size_class] = by_class.get(each.size_class, 0) + 1
    return [
        trn("the {size_class} model", "the {size_class} models", count, size_class=name)
        for name, count in by_class.items()
    ]


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return tr("{most} and {last}", most=", ".join(words[:-1]), last=words[-1])
