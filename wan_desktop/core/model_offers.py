"""All models in all packagings, as the model list shows them: how each stands, how it fits this PC, and in which order.

The badge is about the model's default video. Where the PC is not known yet, nothing is judged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from wan_desktop.core.catalog import (
    Catalog,
    Family,
    GenerationMode,
    ModelMetadata,
    Variant,
    WeightPrecision,
    metadata_for_folder,
)
from wan_desktop.core.catalog.added import ORIGINAL
from wan_desktop.core.compatibility import CompatibilityCheck, IssueCode, check
from wan_desktop.core.errors import WanError
from wan_desktop.core.estimate import Workload
from wan_desktop.core.ladder import Fit
from wan_desktop.core.load_plan import Device
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelState, ModelStatus
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.trial import Place, Question
from wan_desktop.core.words import tr

if TYPE_CHECKING:  # the last two take as long to import as the rest of the window
    from collections.abc import Iterable, Iterator, Mapping

    from wan_desktop.core.manager import ModelManager
    from wan_desktop.core.subjects import Subjects

logger = logging.getLogger(__name__)

_CPU_IS_SLOW_S = 600.0
"""A default video that takes the processor longer than that is called slow, whatever room there is."""


class FitBadge(StrEnum):
    """How a model fits this PC, in a word or two; the best first."""

    RUNS_WELL = "runs-well"
    TIGHT = "tight"
    SLOW = "slow"
    """It fits only with weights that come and go, or in tiles; or the processor has to do it."""
    NOT_CHECKED = "not-checked"
    TOO_BIG = "too-big"
    NOT_SUPPORTED = "not-supported"
    """The card, its driver or the format of the files rule it out; more memory would not help."""

    @property
    def fits(self) -> bool:
        """Videos can be made with it here."""
        return self in (FitBadge.RUNS_WELL, FitBadge.TIGHT, FitBadge.SLOW)


class Group(StrEnum):
    """Where a model stands in the list."""

    RECOMMENDED = "recommended"
    ALSO_WORKS = "also-works"
    TOO_BIG = "too-big"
    """With what is not supported."""


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """One model in one packaging."""

    metadata: ModelMetadata
    variant: Variant | None
    """None for a model that lies in a folder as it is, such as the built-in one."""
    key: ModelKey
    state: ModelState
    check: CompatibilityCheck | None
    """Of the default video, without what might take the model's place; None where it could not be checked."""
    badge: FitBadge
    group: Group
    download_bytes: int
    """What has to be downloaded; 0 if nothing has, or nobody knows."""

    @property
    def is_built_in(self) -> bool:
        """It comes with the program: there is nothing to download, check or remove."""
        return self.metadata.family is Family.SHAPES

    @property
    def is_usable(self) -> bool:
        """It can be rendered with now."""
        return self.state.status.usable

    @property
    def is_on_pc(self) -> bool:
        """Something of it is here, in whatever state."""
        return self.state.status is not ModelStatus.MISSING

    @property
    def can_be_downloaded(self) -> bool:
        """There is something to download."""
        return self.variant is not None and bool(self.variant.parts)

    @property
    def size_bytes(self) -> int:
        """On disk when it is complete; 0 if nobody knows."""
        if self.state.size_bytes:
            return self.state.size_bytes
        return self.variant.size_on_disk_bytes if self.variant else 0


def usual_mode(metadata: ModelMetadata) -> GenerationMode:
    """What its default video is made from: text if it can."""
    modes = metadata.modes
    return modes[0] if modes and GenerationMode.T2V not in modes else GenerationMode.T2V


def usual_video(metadata: ModelMetadata, mode: GenerationMode) -> Workload:
    """The model's default video: its first size, its usual length and steps."""
    size = metadata.sizes[0]
    return Workload(
        width=size.width,
        height=size.height,
        num_frames=metadata.num_frames,
        num_inference_steps=metadata.num_inference_steps,
        has_image=mode is not GenerationMode.T2V,
        guidance_scale=metadata.guidance_scale,
        guidance_scale_2=metadata.guidance_scale_2,
    )


def offers_of(
    catalog: Catalog, manager: ModelManager, subjects: Subjects, place: Place | None
) -> tuple[ModelOffer, ...]:
    """Every model in every packaging, sorted as the list shows them: by group, fit, size, name.

    Args:
        catalog: All entries.
        manager: Says what is on this PC.
        subjects: Makes what is checked.
        place: This PC; None while it is not known.
    """
    offers = [_judge(offer, subjects, place) for offer in _unjudged(catalog, manager)]
    recommended = _recommended(offers, catalog)
    grouped = [replace(offer, group=_group(offer, offer.key in recommended)) for offer in offers]
    return sort_offers(grouped)


def sort_offers(offers: Iterable[ModelOffer]) -> tuple[ModelOffer, ...]:
    """By group, fit, size, name; the built-in model last of its group, as it is only for trying things out."""
    groups, badges = list(Group), list(FitBadge)
    return tuple(
        sorted(
            offers,
            key=lambda offer: (
                groups.index(offer.group),
                offer.is_built_in,
                badges.index(offer.badge),
                offer.size_bytes,
                offer.metadata.name,
                offer.key.variant,
            ),
        )
    )


def badge_of(variant: Variant | None, checked: CompatibilityCheck | None) -> FitBadge:
    """The badge that a check leads to."""
    if variant is not None and variant.is_refused:
        return FitBadge.NOT_SUPPORTED
    if checked is None:
        return FitBadge.NOT_CHECKED
    codes = {issue.code for issue in checked.issues}
    if not checked.fit.fits and codes & _RULED_OUT:
        return FitBadge.NOT_SUPPORTED
    if checked.plan is not None and checked.plan.device is Device.CPU and checked.fit in (Fit.WELL, Fit.SLOW):
        return FitBadge.SLOW if _is_slow_on_cpu(checked) else FitBadge.RUNS_WELL
    return _BADGES[checked.fit]


_RULED_OUT = {IssueCode.NO_CARD, IssueCode.CARD_TOO_OLD, IssueCode.DRIVER_TOO_OLD, IssueCode.REFUSED}
_BADGES: Mapping[Fit, FitBadge] = {
    Fit.WELL: FitBadge.RUNS_WELL,
    Fit.TIGHT: FitBadge.TIGHT,
    Fit.SLOW: FitBadge.SLOW,
    Fit.NOT_CHECKED: FitBadge.NOT_CHECKED,
    Fit.TOO_BIG: FitBadge.TOO_BIG,
}


def _is_slow_on_cpu(checked: CompatibilityCheck | None) -> bool:
    """The processor would make it, and nobody would wait for it."""
    if checked is None or checked.plan is None or checked.plan.device is not Device.CPU:
        return False
    cost = checked.estimate
    return cost is not None and cost.seconds_high is not None and cost.seconds_high > _CPU_IS_SLOW_S


# What there is -------------------------------------------------------------------------------------------------------


def _unjudged(catalog: Catalog, manager: ModelManager) -> Iterator[ModelOffer]:
    seen: set[ModelKey] = set()
    for metadata in catalog.values():
        for variant, state in _packagings(metadata, manager):
            seen.add(state.key)
            yield _unjudged_offer(metadata, variant, state)
    for key in manager.installed():
        if key not in seen and (found := _without_entry(catalog, manager.state(key))):
            yield found


def _packagings(metadata: ModelMetadata, manager: ModelManager) -> Iterator[tuple[Variant | None, ModelState]]:
    if metadata.folder:
        key = ModelKey(metadata.model_id, ORIGINAL)
        if metadata.family is Family.SHAPES:
            state = ModelState(key, ModelStatus.AVAILABLE, tr("it comes with the program"), now_utc())
            yield None, state
        elif (state := manager.state(key)).status is not ModelStatus.MISSING:
            yield None, state  # what was removed and cannot be downloaded is not offered
    for variant in metadata.variants:
        if variant.parts or variant.is_refused:
            yield variant, manager.state(ModelKey(metadata.model_id, variant.name))


def _without_entry(catalog: Catalog, state: ModelState) -> ModelOffer | None:
    """A model that is here although no entry describes it in this packaging; None if nobody can say what it is."""
    metadata = catalog.get(state.key.model_id)
    if metadata is None:
        try:
            metadata = replace(metadata_for_folder(state.folder or Path()), model_id=state.key.model_id)
        except WanError as error:
            logger.warning("%s is left out of the list: %s", state.key, error.message)
            return None
    return _unjudged_offer(metadata, None, state)


def _unjudged_offer(metadata: ModelMetadata, variant: Variant | None, state: ModelState) -> ModelOffer:
    download_bytes = variant.download_bytes if variant is not None and not state.status.usable else 0
    return ModelOffer(metadata, variant, state.key, state, None, FitBadge.NOT_CHECKED, Group.ALSO_WORKS, download_bytes)


def _judge(offer: ModelOffer, subjects: Subjects, place: Place | None) -> ModelOffer:
    checked = None
    if place is not None and not (offer.variant and offer.variant.is_refused):
        try:
            checked = check_offer(offer, subjects, place, alone=True)
        except WanError as error:
            logger.warning("%s is not checked: %s", offer.key, error.message)
    return replace(offer, check=checked, badge=badge_of(offer.variant, checked))


def check_offer(
    offer: ModelOffer,
    subjects: Subjects,
    place: Place,
    mode: GenerationMode | None = None,
    workload: Workload | None = None,
    *,
    alone: bool = False,
) -> CompatibilityCheck:
    """Check one video with one packaging; its default video unless told otherwise.

    Args:
        offer: The packaging.
        subjects: Makes what is checked.
        place: The PC.
        mode: What the video is made from.
        workload: The video.
        alone: Do not look for what might take its place, which takes most of the time.

    Raises:
        WanError: Nobody knows the model, or its folder is damaged.
    """
    metadata, variant = offer.metadata, offer.variant
    mode = mode or usual_mode(metadata)
    question = Question(mode=mode, workload=workload or usual_video(metadata, mode))
    subject = subjects.subject(metadata.model_id, variant.name if variant else "")
    if alone:
        subject = replace(subject, candidates=subject.candidates[:1])
    return check(subject, question, place)


# Groups --------------------------------------------------------------------------------------------------------------


def _group(offer: ModelOffer, is_recommended: bool) -> Group:
    if is_recommended:
        return Group.RECOMMENDED
    if offer.badge in (FitBadge.TOO_BIG, FitBadge.NOT_SUPPORTED):
        return Group.TOO_BIG
    return Group.ALSO_WORKS


def _recommended(offers: Iterable[ModelOffer], catalog: Catalog) -> frozenset[ModelKey]:
    """Of what was made for videos from text, and of what was made for those from pictures, the best one.

    Where models run without saving memory, the best has the best badge, the newest family, the most weights, and is the
    most exact. Where they all are slow, the one with the fewest weights is the best, and not in 16 bits. What the user
    brought is not recommended, nor is the built-in toy, nor what only the processor could compute.
    """
    ours = [
        offer
        for offer in offers
        if offer.metadata.family in _RECOMMENDABLE and offer.badge.fits and not _is_slow_on_cpu(offer.check)
    ]
    order = {model_id: number for number, model_id in enumerate(catalog)}
    keys = set()
    for mode in (GenerationMode.T2V, GenerationMode.I2V):
        able = [offer for offer in ours if mode in offer.metadata.modes]
        if able:
            keys.add(min(able, key=lambda offer: _rank(offer, order)).key)
    return frozenset(keys)


_RECOMMENDABLE = (Family.WAN_2_2, Family.WAN_2_1)
_16_BITS = (WeightPrecision.BF16, WeightPrecision.FP16)


def _rank(offer: ModelOffer, order: Mapping[str, int]) -> tuple[int, ...]:
    metadata, variant = offer.metadata, offer.variant
    weights = sum(count for part, count in metadata.parameters.items() if part.startswith("transformer"))
    exactness = metadata.variants.index(variant) if variant is not None else 0
    family, badge = _RECOMMENDABLE.index(metadata.family), list(FitBadge).index(offer.badge)
    if offer.badge is FitBadge.SLOW:
        is_wide = int(variant is not None and variant.precision in _16_BITS)
        return (badge, weights, family, order[metadata.model_id], is_wide, exactness)
    return (badge, family, -weights, order[metadata.model_id], exactness)
