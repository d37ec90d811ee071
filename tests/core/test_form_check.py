"""What the foot of the form says: its numbers agree with its verdict, and what it offers really fits."""

from dataclasses import replace

import pytest

from tests.core.test_compatibility import GB, gpu, pc, subject
from tests.fakes.hardware.profiles import load
from wan_desktop.core.catalog import GenerationMode, Model, find_model
from wan_desktop.core.estimate import Workload
from wan_desktop.core.form_check import (
    MAX_OFFERS,
    FormVerdict,
    Verdict,
    check_form,
    offers_after_failure,
    question_of,
    subject_of,
    without_own_engine,
)
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.core.trial import Place, Question

SMALL = Workload(832, 480, 81, 30, False, 5.0)
LARGE = Workload(1280, 704, 121, 50, False, 5.0)
PCS = (
    "rtx-4090-24gb-64gb",
    "rtx-3060-12gb-32gb",
    "rtx-4080-16gb-32gb-busy",
    "rtx-3050-8gb-16gb",
    "gtx-1660-super-6gb-16gb",
    "no-card-laptop-8gb",
    "rtx-2070-8gb-16gb-old-driver",
)


def ask(model_id: str, workload: Workload, hardware: HardwareProfile) -> FormVerdict:
    """The verdict on a model of the catalog that is here."""
    question = Question(mode=GenerationMode.T2V, workload=workload)
    return check_form(subject(model_id), question, Place(hardware))


def applied(change: Recommendation, workload: Workload) -> Workload:
    """The video with that change."""
    return replace(
        workload,
        width=change.width or workload.width,
        height=change.height or workload.height,
        num_frames=change.num_frames or workload.num_frames,
    )


@pytest.fixture(scope="module")
def shapes() -> Model:
    return find_model("shapes", resources_folder())


def test_that_a_large_card_fits_with_its_video_memory_told() -> None:
    found = ask("wan2.2-ti2v-5b", SMALL, pc(gpu(32)))
    assert found.verdict is Verdict.FITS
    assert found.memory.is_video_memory
    assert found.memory.needed_bytes < found.memory.free_bytes < found.memory.total_bytes == 32 * GB
    assert 0 < found.seconds_low <= found.seconds_high
    assert (found.reason, found.offers) == ("", ())


def test_that_a_video_that_is_too_big_says_what_is_short() -> None:
    found = ask("wan2.2-ti2v-5b", LARGE, pc(gpu(4), ram_gb=10, page_file_gb=2))
    assert found.verdict is Verdict.TOO_BIG
    assert "GB" in found.reason
    assert found.memory.needed_bytes > found.memory.free_bytes


@pytest.mark.parametrize("name", PCS)
@pytest.mark.parametrize("workload", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("model_id", ["wan2.1-t2v-1.3b", "wan2.2-ti2v-5b", "wan2.2-t2v-a14b"])
def test_that_numbers_and_verdict_agree(name: str, workload: Workload, model_id: str) -> None:
    hardware = load(name)
    found = ask(model_id, workload, hardware)
    need = found.memory
    if need is not None:
        assert 0 <= need.others_bytes <= need.limit_bytes <= need.total_bytes
        if found.verdict in (Verdict.FITS, Verdict.TIGHT, Verdict.SLOW):
            assert need.needed_bytes <= need.free_bytes
    if found.verdict is Verdict.TOO_BIG:
        assert found.reason
        for change in found.offers:
            if change.kind is ChangeKind.REQUEST:
                assert ask(model_id, applied(change, workload), hardware).fits


def test_that_memory_that_is_short_is_the_one_that_is_shown() -> None:
    found = ask("wan2.2-ti2v-5b", SMALL, pc(gpu(48), ram_gb=4, free_ram_gb=2, page_file_gb=0))
    assert found.verdict is Verdict.TOO_BIG
    assert not found.memory.is_video_memory
    assert found.memory.needed_bytes > found.memory.free_bytes


def test_that_the_built_in_model_fits_a_pc_without_a_card(shapes: Model) -> None:
    question = question_of(GenerationDraft(prompt="a red circle"), shapes, has_image=False)
    found = check_form(subject_of(shapes, resources_folder()), question, Place(load("no-card-laptop-8gb")))
    assert found.verdict is Verdict.FITS
    assert not found.memory.is_video_memory
    assert found.seconds_high < 600


@pytest.mark.parametrize(
    ("prompt", "has_image", "mode"),
    [
        ("a fox", False, GenerationMode.T2V),
        ("a fox", True, GenerationMode.TI2V),
        (" ", True, GenerationMode.I2V),
        ("", False, GenerationMode.T2V),
    ],
    ids=["text", "both", "image", "nothing yet"],
)
def test_that_what_is_left_open_is_the_models_own(
    shapes: Model, prompt: str, has_image: bool, mode: GenerationMode
) -> None:
    question = question_of(GenerationDraft(prompt=prompt, num_frames=9), shapes, has_image=has_image)
    assert question.mode is mode
    assert question.workload == Workload(64, 64, 9, 16, has_image, 3.0, None)


def test_that_what_the_engine_holds_counts_as_free() -> None:
    card = replace(gpu(12), free_bytes=2 * GB, used_by_others_bytes=1 * GB)
    profile = pc(card, ram_gb=32, free_ram_gb=10)
    found = without_own_engine(profile, 4 * GB)
    assert 10 * GB < found.gpus[0].free_bytes < 11 * GB
    assert found.gpus[0].used_by_others_bytes == GB
    assert found.memory.available_bytes == 14 * GB
    assert found.memory.commit_free_bytes == profile.memory.commit_free_bytes + 4 * GB


def test_that_what_the_driver_keeps_is_not_taken_for_the_engines() -> None:
    card = replace(gpu(12), free_bytes=round(10.7 * GB), used_by_others_bytes=1 * GB)
    assert without_own_engine(pc(card)).gpus == (card,)


@pytest.mark.parametrize("name", ["rtx-4090-24gb-64gb", "rtx-3060-12gb-32gb", "rtx-3050-8gb-16gb"])
def test_that_after_a_failure_only_less_is_offered(name: str) -> None:
    hardware = load(name)
    offers = offers_after_failure(
        subject("wan2.2-ti2v-5b"), Question(mode=GenerationMode.T2V, workload=LARGE), Place(hardware)
    )
    assert 0 < len(offers) <= MAX_OFFERS
    requests = [offer for offer in offers if offer.kind is ChangeKind.REQUEST]
    assert requests
    for offer in requests:
        less = applied(offer, LARGE)
        assert less.width * less.height * less.num_frames < LARGE.width * LARGE.height * LARGE.num_frames
        assert offer.vram_peak_bytes
        assert ask("wan2.2-ti2v-5b", less, hardware).fits
