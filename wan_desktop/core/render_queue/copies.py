"""From an order to the jobs that are frozen copies of it, one for each version."""

import secrets
import uuid
from dataclasses import replace

from wan_desktop.core.errors import InputError
from wan_desktop.core.generation import SEED_RANGE, GenerationDraft
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.render_queue.job import MAX_VERSIONS, RenderEstimate, RenderJob, RenderOrder, RenderState
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr


def check_versions(draft: GenerationDraft, versions: int) -> None:
    """Return where so many versions can be made of the draft.

    Raises:
        InputError: They are too many or none, or its seed is no seed.
    """
    if not 1 <= versions <= MAX_VERSIONS:
        raise InputError(
            tr("{versions} videos of one request were asked for.", versions=versions),
            hint=tr("Choose 1 to {most} videos.", most=MAX_VERSIONS),
        )
    lowest, highest = SEED_RANGE
    if draft.seed is not None and (type(draft.seed) is not int or not lowest <= draft.seed <= highest):
        raise InputError(
            tr("The seed {seed!r} cannot be used.", seed=draft.seed),
            hint=tr("Choose a seed from {lowest} to {highest}.", lowest=lowest, highest=highest),
        )


def copies_of(
    order: RenderOrder, own: GenerationDraft, versions: int, state: RenderState, estimate: RenderEstimate | None
) -> tuple[RenderJob, ...]:
    """The jobs, as they will be read again.

    A seed is drawn where there is none; each further version has the one after, and the first follows the last.

    Args:
        order: What was asked for.
        own: Its draft with the queue's own pictures.
        versions: How many.
        state: Of all of them.
        estimate: For each of them.

    Raises:
        InputError: A value cannot be written down.
    """
    count = SEED_RANGE[1] + 1
    first = secrets.randbelow(count) if own.seed is None else own.seed
    created_at = now_utc()
    jobs = (
        RenderJob(
            job_id=uuid.uuid4().hex,
            order=replace(order, draft=replace(own, seed=(first + version) % count)),
            created_at=created_at,
            state=state,
            estimate=estimate,
            image_from=order.draft.image and order.draft.image.absolute(),
            last_image_from=order.draft.last_image and order.draft.last_image.absolute(),
        )
        for version in range(versions)
    )
    try:
        return tuple(from_plain(RenderJob, to_plain(job)) for job in jobs)
    except RecordError as error:
        raise InputError(
            tr("The request cannot be kept: {error}.", error=error),
            hint=tr("Give a number where one belongs, or leave the field out."),
        ) from error
