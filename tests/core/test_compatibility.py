"""Verdicts on paper: more memory makes none worse, what is called fitting fits, and every no comes with a way out."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from wan_desktop.core.catalog import Catalog, GenerationMode, read_catalog
from wan_desktop.core.compatibility import CompatibilityCheck, IssueCode, ModelCompatibility, Severity, check
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import Gpu, HardwareProfile, MemoryInfo, SystemInfo
from wan_desktop.core.ladder import Candidate, Fit, Policy, Substitute
from wan_desktop.core.load_plan import Device
from wan_desktop.core.machine import card_of, limits_of
from wan_desktop.core.model_shape import shape_of_entry
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.trial import Place, Question, Subject

GB = 10**9
_CASES, _CASES_SLOW = 300, 10_000
_SIZES = ((832, 480), (480, 832), (1280, 720), (1280, 704), (640, 352), (1920, 1088))
_CARDS = {  # architecture: capability, cores, clock
    "turing": ((7, 5), 2304, 1710),
    "ampere": ((8, 6), 3584, 1777),
    "ada": ((8, 9), 9728, 2505),
    "blackwell": ((12, 0), 21760, 2407),
}


@cache
def catalog() -> Catalog:
    return read_catalog(resources_folder())


def gpu(
    total_gb: float, *, free_gb: float | None = None, architecture: str = "ada", cuda: tuple[int, int] = (13, 0)
) -> Gpu:
    capability, cores, clock = _CARDS[architecture]
    free = round((total_gb if free_gb is None else free_gb) * GB)
    return Gpu(
        uuid="GPU-1",
        name="a card",
        architecture=architecture,
        compute_capability=capability,
        total_bytes=round(total_gb * GB),
        free_bytes=free,
        used_by_others_bytes=round(total_gb * GB) - free,
        driver_version="580.1",
        cuda_version=cuda,
        pcie_generation=4,
        pcie_lanes=16,
        cuda_cores=cores,
        max_clock_mhz=clock,
    )


def pc(*gpus: Gpu, ram_gb: float = 64, free_ram_gb: float | None = None, page_file_gb: float = 32) -> HardwareProfile:
    available = round((0.85 * ram_gb if free_ram_gb is None else free_ram_gb) * GB)
    ram, page = round(ram_gb * GB), round(page_file_gb * GB)
    memory = MemoryInfo(ram, available, ram + page, ram - available, page)
    system = SystemInfo("Windows", "11", "a processor", 8, 16, False, None, False)
    return HardwareProfile(gpus, memory, (), system, (), "2026-11-24T12:00:00+00:00")


def subject(model_id: str, variant: str = "", *, is_here: bool = True) -> Subject:
    metadata = catalog().entry(model_id)
    usable = [each for each in metadata.variants if not each.is_refused]
    chosen = metadata.variant(variant) if variant else usable[0]
    candidates = []
    for each in [chosen, *usable[usable.index(chosen) + 1 :]]:
        shape = shape_of_entry(metadata, each)
        substitute = Substitute.NONE if each is chosen else Substitute.VARIANT
        if shape:
            candidates.append(Candidate(model_id, each.name, shape, substitute, is_here))
    for other_id in metadata.fallback_model_ids:
        other = catalog().entry(other_id)
        for each in [each for each in other.variants if not each.is_refused][-1:]:
            if shape := shape_of_entry(other, each):
                candidates.append(Candidate(other_id, each.name, shape, Substitute.MODEL, is_here))
    size_bytes = 0 if is_here else chosen.download_bytes
    return Subject(metadata, chosen, tuple(candidates), is_here, size_bytes, metadata.modes)


def work(
    width: int = 832, height: int = 480, num_frames: int = 81, steps: int = 40, *, has_image: bool = False
) -> Workload:
    return Workload(width, height, num_frames, steps, has_image, 5.0, None)


def ask(asked: Subject, workload: Workload, hardware: HardwareProfile, **place: object) -> CompatibilityCheck:
    mode = asked.modes[0] if asked.modes else GenerationMode.T2V
    return check(asked, Question(mode=mode, workload=workload), Place(hardware, **place))  # type: ignore[arg-type]


MODELS = [model_id for model_id in catalog() if model_id != "shapes"]
_ORDER = [Fit.WELL, Fit.TIGHT, Fit.SLOW, Fit.TOO_BIG]


def random_case(rng: random.Random) -> tuple[Subject, Workload, HardwareProfile]:
    chosen = subject(rng.choice(MODELS))
    step = 32 if chosen.metadata.model_id == "wan2.2-ti2v-5b" else 16
    width, height = rng.choice(_SIZES)
    workload = work(width // step * step, height // step * step, 4 * rng.randrange(1, 32) + 1, rng.randrange(1, 60))
    total = rng.choice([4, 6, 8, 10, 12, 16, 24, 32, 48, 80])
    cards = [gpu(total, free_gb=total * rng.uniform(0.5, 1), architecture=rng.choice(list(_CARDS)))]
    ram = rng.choice([8, 16, 32, 64, 128])
    hardware = pc(
        *cards[: rng.random() < 0.9],
        ram_gb=ram,
        free_ram_gb=ram * rng.uniform(0.4, 0.95),
        page_file_gb=rng.choice([0, 8, 64]),
    )
    return chosen, workload, hardware


def more_memory(hardware: HardwareProfile, rng: random.Random) -> HardwareProfile:
    extra = round(rng.uniform(1, 40) * GB)
    memory = hardware.memory
    which = rng.choice(["card", "ram", "page file"])
    if which == "card" and hardware.gpus:
        card = hardware.gpus[0]
        return replace(
            hardware, gpus=(replace(card, total_bytes=card.total_bytes + extra, free_bytes=card.free_bytes + extra),)
        )
    if which == "ram":
        larger = replace(
            memory,
            total_bytes=memory.total_bytes + extra,
            available_bytes=memory.available_bytes + extra,
            commit_limit_bytes=memory.commit_limit_bytes + extra,
        )
        return replace(hardware, memory=larger)
    return replace(hardware, memory=replace(memory, commit_limit_bytes=memory.commit_limit_bytes + extra))


def cases(count: int, seed: int) -> Iterator[tuple[random.Random, Subject, Workload, HardwareProfile]]:
    rng = random.Random(seed)
    for _ in range(count):
        yield rng, *random_case(rng)


def check_invariants(count: int, seed: int) -> None:
    for rng, chosen, workload, hardware in cases(count, seed):
        found = ask(chosen, workload, hardware)
        what = f"{chosen.metadata.model_id} {workload} on {hardware}"
        check_answer(found, hardware, what)
        better = ask(chosen, workload, more_memory(hardware, rng))
        assert _ORDER.index(better.fit) <= _ORDER.index(found.fit), f"more memory made it worse: {what}"
        if found.level is ModelCompatibility.INCOMPATIBLE:
            assert any(issue.severity is Severity.BLOCKS for issue in found.issues), f"no reason: {what}"
            check_way_out(found, chosen, workload, hardware, what)


def check_answer(found: CompatibilityCheck, hardware: HardwareProfile, what: str) -> None:
    limits = limits_of(hardware, card_of(hardware))
    if found.fit.fits:
        assert found.plan is not None, what
        cost = found.estimate
        assert cost is not None
        if found.plan.device is not Device.CPU:
            assert limits.vram_bytes is not None
            assert cost.vram_peak_bytes <= limits.vram_bytes, what
        assert limits.ram_bytes is not None
        assert cost.ram_peak_bytes <= limits.ram_bytes, what
    for rung in found.ladder:
        assert not rung.fit.fits or rung.estimate.ram_peak_bytes <= (limits.ram_bytes or 0), what


def check_way_out(
    found: CompatibilityCheck, chosen: Subject, workload: Workload, hardware: HardwareProfile, what: str
) -> None:
    for change in found.recommendations:
        if change.kind is ChangeKind.REQUEST and change.width and change.height and change.num_frames:
            smaller = replace(workload, width=change.width, height=change.height, num_frames=change.num_frames)
            after = ask(chosen, smaller, hardware)
            assert after.fit.fits, f"{change.text} does not help: {what}"
        if change.kind in (ChangeKind.VARIANT, ChangeKind.MODEL):
            assert change.vram_peak_bytes is not None, what
    if any(rung.fit.fits for rung in found.ladder):
        assert found.recommendations, f"a way is there, but it is not told: {what}"


def test_that_verdicts_are_sound() -> None:
    check_invariants(_CASES, 1)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_that_ten_thousand_verdicts_are_sound() -> None:
    check_invariants(_CASES_SLOW, 2)


def test_that_a_larger_video_never_costs_less() -> None:
    for rng, chosen, workload, hardware in cases(_CASES, 3):
        field = rng.choice(["width", "height", "num_frames", "num_inference_steps"])
        growth = {"width": 32, "height": 32, "num_frames": 4, "num_inference_steps": 5}[field]
        larger = replace(workload, **{field: getattr(workload, field) + growth})
        first, second = ask(chosen, workload, hardware), ask(chosen, larger, hardware)
        assert _ORDER.index(second.fit) >= _ORDER.index(first.fit), f"{workload} {larger} {hardware}"
        by_plan = {rung.plan.name: rung.estimate for rung in first.ladder if rung.substitute is Substitute.NONE}
        for rung in second.ladder:
            before = by_plan.get(rung.plan.name)
            if rung.substitute is Substitute.NONE and before is not None:
                assert rung.estimate.vram_peak_bytes >= before.vram_peak_bytes
                assert rung.estimate.ram_peak_bytes >= before.ram_peak_bytes


@pytest.mark.parametrize("ram_gb", [16, 32])
@pytest.mark.parametrize("total_gb", [6, 8, 12, 16, 24, 32])
def test_that_every_card_has_a_model(total_gb: int, ram_gb: int) -> None:
    hardware = pc(gpu(total_gb, free_gb=0.9 * total_gb), ram_gb=ram_gb, free_ram_gb=0.6 * ram_gb)
    fits = {model_id: ask(subject(model_id), work(steps=30), hardware).ladder for model_id in MODELS}
    assert any(rung.fit.fits for rungs in fits.values() for rung in rungs)


def test_that_the_processor_is_the_last_rung_of_small_models() -> None:
    found = ask(subject("wan2.1-t2v-1.3b"), work(), pc(gpu(12)))
    on_cpu = [rung.plan.device is Device.CPU for rung in found.ladder]
    assert on_cpu[-1]
    assert on_cpu == sorted(on_cpu)


def test_that_without_a_card_a_large_model_is_incompatible_with_a_reason() -> None:
    found = ask(subject("wan2.2-t2v-a14b"), work(), pc())
    assert found.level is ModelCompatibility.INCOMPATIBLE
    assert IssueCode.NO_CARD in {issue.code for issue in found.issues}


@pytest.mark.parametrize(
    ("hardware", "code"),
    [
        (pc(replace(gpu(8), compute_capability=(6, 1))), IssueCode.CARD_TOO_OLD),
        (pc(gpu(8, cuda=(11, 8))), IssueCode.DRIVER_TOO_OLD),
        (pc(gpu(8, architecture="turing")), IssueCode.NUMBER_FORMAT),
        (pc(), IssueCode.NO_CARD),
    ],
    ids=["old-card", "old-driver", "no-bfloat16", "no-card"],
)
def test_that_what_is_wrong_with_the_card_is_said(hardware: HardwareProfile, code: IssueCode) -> None:
    assert code in {issue.code for issue in ask(subject("wan2.1-t2v-1.3b"), work(), hardware).issues}


def test_that_a_mode_that_the_model_lacks_is_refused_with_one_that_it_has() -> None:
    question = Question(mode=GenerationMode.I2V, workload=work(has_image=True))
    found = check(subject("wan2.2-t2v-a14b"), question, Place(pc(gpu(24))))
    assert found.level is ModelCompatibility.INCOMPATIBLE
    assert IssueCode.MODE in {issue.code for issue in found.issues}
    assert found.recommendations[0].mode is GenerationMode.T2V


def test_that_the_5b_model_does_text_and_images() -> None:
    for mode in (GenerationMode.T2V, GenerationMode.I2V, GenerationMode.TI2V):
        question = Question(mode=mode, workload=work(1280, 704, 121, 50))
        found = check(subject("wan2.2-ti2v-5b"), question, Place(pc(gpu(24))))
        assert IssueCode.MODE not in {issue.code for issue in found.issues}


def test_that_a_size_that_the_model_cannot_make_is_rounded() -> None:
    found = ask(subject("wan2.2-ti2v-5b"), work(1280, 720), pc(gpu(24)))
    assert found.level is ModelCompatibility.INCOMPATIBLE
    change = found.recommendations[0]
    assert (change.kind, change.width, change.height) == (ChangeKind.REQUEST, 1280, 704)


def test_that_a_full_disk_is_told_with_both_numbers() -> None:
    found = ask(subject("wan2.2-t2v-a14b", is_here=False), work(), pc(gpu(24)), free_disk_bytes=5 * GB)
    issue = next(issue for issue in found.issues if issue.code is IssueCode.DISK)
    assert issue.available == 5 * GB
    assert issue.needed is not None
    assert issue.needed > 100 * GB
    change = next(change for change in found.recommendations if change.kind is ChangeKind.FREE_DISK)
    assert change.size_bytes == round(issue.needed) - 5 * GB


def test_that_programs_on_the_card_are_named_as_the_cause() -> None:
    crowded = pc(gpu(24, free_gb=3), ram_gb=64)
    found = ask(subject("wan2.2-t2v-a14b"), work(1280, 720), crowded)
    if not found.fit.fits:
        assert ChangeKind.CLOSE_PROGRAMS in {change.kind for change in found.recommendations}


def test_that_smaller_weights_need_consent_unless_allowed() -> None:
    tight = pc(gpu(12), ram_gb=48)
    asked = ask(subject("wan2.2-t2v-a14b"), work(), tight)
    assert all(rung.needs_consent for rung in asked.ladder if rung.substitute is not Substitute.NONE)
    allowed = ask(subject("wan2.2-t2v-a14b"), work(), tight, policy=Policy(may_use_smaller_variant=True))
    assert not any(rung.needs_consent for rung in allowed.ladder if rung.substitute is Substitute.VARIANT)


def test_that_a_model_that_nobody_described_is_not_judged() -> None:
    metadata = catalog().entry("wan2.2-t2v-a14b")
    found = ask(Subject(metadata, None, (), is_here=False, modes=metadata.modes), work(), pc(gpu(24)))
    assert (found.level, found.fit, found.estimate) == (ModelCompatibility.NOT_CHECKED, Fit.NOT_CHECKED, None)
