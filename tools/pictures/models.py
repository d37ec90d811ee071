"""The page Models, with a Hub on this machine that has a tiny model."""

import shutil
from typing import Any

from tools.pictures.acts import Act, Scene, View
from tools.pictures.props import Props
from wan_desktop.core.catalog import add_entry, metadata_for_repo
from wan_desktop.core.model_list import Deed, ShownStatus
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.store.library import ModelKey
from wan_desktop.ui.page import PageId

REPO = "wan/tiny-Diffusers"
_GATED = "wan/gated-Diffusers"
_KEY = ModelKey(metadata_for_repo(REPO).model_id, "original")
_GATED_KEY = ModelKey(metadata_for_repo(_GATED).model_id, "original")
_WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
_SLOW_BYTES_PER_S, _FAST_BYTES_PER_S = 20_000, 1e9


def _prepare(paths: AppPaths, _props: Props) -> None:
    for repo in (REPO, _GATED):
        add_entry(metadata_for_repo(repo), paths.added_models)


def _page(view: View) -> Any:
    page = view.open(PageId.MODELS)
    view.until(lambda: any(offer.check for offer in view.session.models.offers()))
    return page


def _until_status(view: View, wanted: ShownStatus, key: ModelKey = _KEY) -> None:
    page = _page(view)
    view.until(lambda: page.list.card(key) is not None and page.list.card(key).standing.status is wanted)
    view.rest(150)


def _list(view: View) -> None:
    _page(view)
    view.rest(900)


def _report(view: View) -> None:
    page = _page(view)
    page.show_target(ModelKey("wan2.2-ti2v-5b", "bf16"))
    view.rest(700)


def _too_big(view: View) -> None:
    page = _page(view)
    big = next(
        offer for offer in view.session.models.offers() if offer.badge.value == "too-big" or "BIG" in offer.badge.name
    )
    page.show_target(big.key)
    view.rest(700)


def _try_anyway(view: View) -> None:
    page = _page(view)
    page.deeds.do(page.selected, Deed.TRY_ANYWAY)
    view.rest(100)


def _downloading(view: View) -> None:
    page = _page(view)
    if page.deeds.question is not None:
        page.deeds.question.no.click()
    view.hub.rate_limit(_SLOW_BYTES_PER_S)
    page.show_target(_KEY)
    view.rest(60)
    view.session.models.download(_KEY)
    view.until(lambda: getattr(view.session.models.activity(_KEY), "done_bytes", 0) > 0)
    view.rest(1200)


def _cancel(view: View) -> None:
    _page(view).deeds.do(_KEY, Deed.CANCEL)
    view.rest(100)


def _paused(view: View) -> None:
    page = _page(view)
    if page.deeds.question is not None:
        page.deeds.question.no.click()
    view.session.models.pause(_KEY)
    _until_status(view, ShownStatus.PAUSED)


def _waiting(view: View) -> None:
    view.hub.fault("status_500", times=None)
    view.session.models.download(_KEY)
    _until_status(view, ShownStatus.WAITING_FOR_INTERNET)


def _needs_token(view: View) -> None:
    view.session.models.pause(_KEY)
    view.hub.clear_faults()
    view.hub.rate_limit(_FAST_BYTES_PER_S)
    page = _page(view)
    page.show_target(_GATED_KEY)
    view.session.models.download(_GATED_KEY)
    _until_status(view, ShownStatus.NEEDS_TOKEN, _GATED_KEY)


def _ready(view: View) -> None:
    view.hub.rate_limit(_FAST_BYTES_PER_S)
    page = _page(view)
    page.show_target(_KEY)
    view.rest(60)
    view.session.models.download(_KEY)
    _until_status(view, ShownStatus.READY)
    view.rest(400)


def _needs_repair(view: View) -> None:
    file = view.paths.models / _KEY.model_id / _KEY.variant / _WEIGHTS
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    view.session.models.verify(_KEY)
    _until_status(view, ShownStatus.NEEDS_REPAIR)
    view.rest(300)


def _removed(view: View) -> None:
    page = _page(view)
    view.session.models.repair(_KEY)
    _until_status(view, ShownStatus.READY)
    page.deeds.do(_KEY, Deed.REMOVE)
    _until_status(view, ShownStatus.NOT_DOWNLOADED)
    view.rest(300)


def _adopt(view: View) -> None:
    page = _page(view)
    own = view.paths.data / "my models" / "Snow fox 1.3B"
    shutil.copytree(view.props.hub_model, own)
    page.deeds.adopt(own.parent)
    view.until(lambda: page.details.name.text() == own.name)
    view.rest(300)


def _add_repository(view: View) -> None:
    page = _page(view)
    page.add_repository.click()
    view.until(lambda: page.deeds.dialog is not None and page.deeds.dialog.isVisible())
    page.deeds.dialog.field.setText("Wan-AI/Wan2.2-T2V-A14B-Diffusers")
    view.rest(60)


def _no_match(view: View) -> None:
    page = _page(view)
    page.deeds.dialog.reject()
    page.search.set_text("zebra")
    view.until(lambda: page.empty.isVisible())


def _offline(view: View) -> None:
    page = _page(view)
    page.search.clear()
    assert view.window.banners is not None
    view.window.banners.set_offline(True)
    view.rest(300)


ACTS = (
    Act(
        "models",
        "rtx-4070-12gb-32gb",
        (
            Scene("models_list", _list),
            Scene("models_report", _report),
            Scene("models_too_big", _too_big),
            Scene("models_try_anyway", _try_anyway),
            Scene("models_downloading", _downloading),
            Scene("models_cancel", _cancel),
            Scene("models_paused", _paused),
            Scene("models_waiting_for_internet", _waiting),
            Scene("models_needs_token", _needs_token),
            Scene("models_ready", _ready),
            Scene("models_needs_repair", _needs_repair),
            Scene("models_removed", _removed),
            Scene("models_adopted", _adopt),
            Scene("models_add_repository", _add_repository),
            Scene("models_no_match", _no_match),
            Scene("models_offline", _offline),
        ),
        prepare=_prepare,
    ),
    Act("models without a card", "no-card-laptop-8gb", (Scene("models_no_card", _list),)),
)
