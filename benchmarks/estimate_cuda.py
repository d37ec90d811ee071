"""The estimate against a real graphics card: memory of random cases, and whether the planner's choice is the fastest.

    python -m benchmarks.estimate_cuda [--cases 50] [--choices 10] [--seed 1] [--folder DIR]

Models of real size with random weights are written as folders, and each case renders with the engine's own code in a
process of its own. torch may use only as much of the card as a card of 6 to 24 GB would leave to a render.

Disk: the cases need 1 GB, and room for the blocks that plans with `disk` write, 57 GB at most; the files are sparse, on
Windows whole. The choices need whole files: 13 GB for the smallest model, 70 GB for the largest. What has no room on
the disk or in this PC's memory is skipped, and counted.

`--dry-run` does the same with tiny models on the CPU: it shows that the script runs, and measures nothing of a card.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks.cuda_cases import PLANNED_STEPS, Case, Draw, candidate_of, safe_bytes
from benchmarks.cuda_child import Job, Measured
from benchmarks.random_models import MadeModel, ModelMaker
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.estimate import Estimate, Machine, estimate
from wan_desktop.core.generation import GenerationRequest
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.ladder import Costs, Limits, Policy, card_plans, cpu_plans, fit_of, ladder
from wan_desktop.core.load_plan import Device, LoadPlan, Precision
from wan_desktop.core.machine import Card, CardKind, card_of, limits_of, machine_of
from wan_desktop.core.messages import Generate, OutputTarget
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import ModelShape, shape_of_folder
from wan_desktop.core.records import from_plain, to_plain

NO_CARD = "No CUDA card: nothing measured"
GOAL_ERROR, GOAL_RATIO = 0.10, 1.15
_TIMED_STEPS = 4
"""Of a choice so many steps are run; the time of all is told from them."""
_DISK_SPARE_BYTES = 1 << 30
_GB = 1e9


# The parent ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how it is measured."""

    root: Path
    tiny: bool
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A machine with a card of the size of a case."""

    machine: Machine
    limits: Limits
    uuid: str
    free_before_bytes: int


class Skipped(Exception):  # noqa: N818 - not an error
    """A case cannot be run here."""


def setting_of(case: Case, bench: Bench) -> Setting:
    """This PC, its card as small as the case wants it.

    Raises:
        Skipped: The card has less memory free.
    """
    hardware = probe()
    card = Card(CardKind.NONE) if bench.tiny else card_of(hardware)
    if card.gpu is None:
        return Setting(machine_of(hardware, card), limits_of(hardware, card), "", 0)
    uuid, free_bytes = card.gpu.uuid, card.gpu.free_bytes
    if free_bytes < safe_bytes(case.card_bytes):
        raise Skipped("this card has less free memory")
    card = replace(card, gpu=replace(card.gpu, total_bytes=case.card_bytes, free_bytes=case.card_bytes))
    return Setting(machine_of(hardware, card), limits_of(hardware, card), uuid, free_bytes)


def on_this_machine(plan: LoadPlan, made: MadeModel, setting: Setting, *, tiny: bool) -> LoadPlan:
    """The plan with the model's files, for this card; in a dry run for the CPU."""
    if tiny:
        plan = replace(plan, device=Device.CPU, precision=Precision.AUTO)
    return replace(plan, transformer_files=made.transformer_files, gpu_uuid=setting.uuid)


def check_room(case: Case, cost: Estimate, setting: Setting, bench: Bench) -> None:
    """Look whether this PC has what the case takes, its card aside.

    Raises:
        Skipped: It has not.
    """
    if setting.limits.ram_bytes is not None and cost.ram_peak_bytes > setting.limits.ram_bytes:
        raise Skipped("not enough memory in this PC")
    if cost.disk_bytes + _DISK_SPARE_BYTES > shutil.disk_usage(bench.root).free:
        raise Skipped("not enough disk")


def render(case: Case, plan: LoadPlan, made: MadeModel, setting: Setting, bench: Bench) -> Measured:
    """Run the case in a child."""
    with tempfile.TemporaryDirectory(dir=bench.root) as name:
        folder = Path(name)
        command = Generate(
            job="1",
            request=_request(case, folder),
            model_folder=made.folder,
            plan=plan,
            output=OutputTarget(
                path=folder / "clip.mp4", rescue_folder=folder / "rescued", work_folder=folder / "work"
            ),
            live_preview=False,
        )
        limit_bytes = None if plan.device is Device.CPU else setting.limits.vram_bytes
        job = Job(command, limit_bytes, case.workload.num_inference_steps, setting.free_before_bytes)
        file = folder / "job.json"
        file.write_text(json.dumps(to_plain(job)), encoding="utf-8")
        arguments = [sys.executable, "-m", "benchmarks.cuda_child", str(file)]
        try:
            # As the program starts its engine.
            environment = os.environ | {"HF_HUB_OFFLINE": "1", "DIFFUSERS_DISABLE_REMOTE_CODE": "1"}
            environment.setdefault("PYTORCH_ALLOC_CONF", "pinned_max_round_threshold_mb:1")
            done = subprocess.run(
                arguments, capture_output=True, text=True, env=environment, timeout=bench.timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return Measured("too slow")
    return _answer(done)


def _answer(done: "subprocess.CompletedProcess[str]") -> Measured:
    if done.returncode == 0 and done.stdout.strip():
        return from_plain(Measured, json.loads(done.stdout.splitlines()[-1]))
    if done.returncode == -9:  # Linux ends the process that takes too much
        return Measured("out of memory")
    last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
    return Measured(f"ended with {done.returncode}: {last[:200]}")


def _request(case: Case, folder: Path) -> GenerationRequest:
    work = case.workload
    image = folder / "start.png"
    if work.has_image:
        Image.effect_mandelbrot((work.width, work.height), (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB").save(image)
    mode = GenerationMode.TI2V if case.model.takes_text else GenerationMode.I2V
    return GenerationRequest(
        model_id=case.model.model_id,
        mode=mode if work.has_image else GenerationMode.T2V,
        prompt="word1 word2 word3",
        negative_prompt="",
        width=work.width,
        height=work.height,
        num_frames=work.num_frames,
        fps=16,
        num_inference_steps=min(work.num_inference_steps, _TIMED_STEPS),
        guidance_scale=work.guidance_scale,
        seed=0,
        image=image if work.has_image else None,
    )


class ModelShop:
    """One model after the other on disk."""

    def __init__(self, bench: Bench, *, dense: bool) -> None:
        self._bench = bench
        self._root = bench.root / ("dense" if dense else "sparse")
        self._maker = ModelMaker(self._root, dense=dense)

    def by_model(self, cases: Iterable[Case]) -> Iterator[tuple[list[Case], MadeModel | None]]:
        """The cases of each model, and the model while they are run; None where the disk is too full for it."""
        groups: dict[str, list[Case]] = {}
        for case in cases:
            groups.setdefault(f"{case.model.model_id} {case.packaging}", []).append(case)
        for group in groups.values():
            model, packaging = group[0].model, group[0].packaging
            needed_bytes = self._maker.bytes_needed(model, packaging) + _DISK_SPARE_BYTES
            if needed_bytes > shutil.disk_usage(self._bench.root).free:
                yield group, None
                continue
            made = self._maker.make(model, packaging)
            yield group, made
            self._maker.remove(made)

    def close(self) -> None:
        """Delete the text encoder too."""
        shutil.rmtree(self._root, ignore_errors=True)


def shape_on_disk(made: MadeModel) -> ModelShape:
    """As the program sees it."""
    files = [Path(file) for file in made.transformer_files]
    return shape_of_folder(inspect_model_folder(made.folder, files), files)


# Memory --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A case, what was foretold of it, and what was found."""

    case: Case
    fits: bool
    cost: Estimate
    found: Measured

    @property
    def pairs(self) -> dict[str, tuple[int, int]]:
        """Foretold and measured bytes: tensors on the card, the card, the process's normal memory."""
        tensors = self.cost.prediction.vram_bytes if self.cost.prediction else 0
        return {
            "tensors": (tensors, self.found.allocated_bytes),
            "card": (self.cost.vram_peak_bytes, self.found.card_bytes),
            "RAM": (self.cost.ram_peak_bytes, self.found.rss_bytes),
        }

    @property
    def errors(self) -> dict[str, float]:
        """Of the estimate, as a part of what was measured; nothing where nothing was."""
        if not self.found.is_done:
            return {}
        return {name: told / found - 1 for name, (told, found) in self.pairs.items() if found}

    def line(self, number: int) -> str:
        """In the table."""
        cells = []
        for name, (told, found) in self.pairs.items():
            error = f"{self.errors[name]:+.1%}" if name in self.errors else "-"
            cells.append(f"{name} {told / _GB:6.2f} / {found / _GB:6.2f} {error:>7}")
        fits = "fits" if self.fits else "too big"
        return (
            f"{number:3} {self.case.name:52} {self.case.plan.name:52} {fits:7}  {'  '.join(cells)}  "
            f"{self.found.outcome}"
        )


def measure_memory(cases: Iterable[Case], bench: Bench) -> None:
    """Run the cases, print a line for each and what they come to."""
    print("\nPeak memory: estimate / measured in GB, and the estimate's error")
    shop, numbers = ModelShop(bench, dense=False), count(1)
    rows: list[Row] = []
    skipped: list[str] = []
    for group, made in shop.by_model(cases):
        for case in group:
            number = next(numbers)
            try:
                rows.append(_row(case, made, bench))
                print(rows[-1].line(number), flush=True)
            except Skipped as reason:
                skipped.append(str(reason))
                print(f"{number:3} {case.name:52} {case.plan.name:52} skipped: {reason}", flush=True)
    shop.close()
    summarise_memory(rows, skipped)


def _row(case: Case, made: MadeModel | None, bench: Bench) -> Row:
    if made is None:
        raise Skipped("not enough disk")
    setting = setting_of(case, bench)
    plan = on_this_machine(case.plan, made, setting, tiny=bench.tiny)
    cost = estimate(shape_on_disk(made), case.workload, plan, setting.machine)
    check_room(case, cost, setting, bench)
    fits = fit_of(plan, cost, setting.limits).fits
    return Row(case, fits, cost, render(case, plan, made, setting, bench))


def summarise_memory(rows: Sequence[Row], skipped: Sequence[str]) -> None:
    """Print what the rows come to, as words and as a line of JSON."""
    summary: dict[str, Any] = {"title": "estimate_cuda memory", "run": len(rows), "skipped": len(skipped)}
    for name in ("tensors", "card", "RAM"):
        errors = [row.errors[name] for row in rows if name in row.errors]
        within = sum(abs(error) <= GOAL_ERROR for error in errors)
        largest = max(errors, key=abs, default=None)
        summary[name] = {"measured": len(errors), "within": within, "largest": largest}
        told = "nothing measured" if largest is None else f"largest error {largest:+.1%}"
        print(f"{name:8} {told}, {within} of {len(errors)} within {GOAL_ERROR:.0%} (goal: all)")
    for fits, goal in ((True, "goal: 0"), (False, "foretold")):
        alike = [row for row in rows if row.fits == fits]
        ran_out = sum(row.found.ran_out for row in alike)
        summary[f"out_of_memory_{'fitting' if fits else 'too_big'}"] = [ran_out, len(alike)]
        what = "fit on paper" if fits else "are too big on paper"
        print(f"out of memory: {ran_out} of {len(alike)} that {what} ({goal})")
    other = sum(not row.found.is_done and not row.found.ran_out for row in rows)
    summary["failed"] = other
    print(f"failed otherwise: {other} (goal: 0)\nskipped: {_counted(skipped)}")
    print(json.dumps(summary))


def _counted(reasons: Sequence[str]) -> str:
    parts = [f"{reasons.count(reason)} {reason}" for reason in dict.fromkeys(reasons)]
    return f"{len(reasons)}{' (' + ', '.join(parts) + ')' if parts else ''}"


# The planner's choice ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contest:
    """All plans that fit a case, with their seconds; those that failed have none."""

    case: Case
    chosen: str
    seconds: dict[str, float | None]

    @property
    def ratio(self) -> float | None:
        """The chosen one's time to the fastest's; None where the chosen one failed."""
        chosen, known = self.seconds[self.chosen], [value for value in self.seconds.values() if value]
        return chosen / min(known) if chosen else None


def measure_choices(cases: Iterable[Case], bench: Bench) -> None:
    """Run all fitting plans of each case, and see how the planner's own choice compares."""
    print(f"\nThe planner's choice: seconds of {PLANNED_STEPS} steps, told from {_TIMED_STEPS}, loading included")
    shop = ModelShop(bench, dense=True)
    contests: list[Contest] = []
    skipped: list[str] = []
    for group, made in shop.by_model(cases):
        for case in group:
            print(case.name, flush=True)
            try:
                contests.append(_contest(case, made, bench))
            except Skipped as reason:
                skipped.append(str(reason))
                print(f"  skipped: {reason}", flush=True)
    shop.close()
    summarise_choices(contests, skipped)


def _contest(case: Case, made: MadeModel | None, bench: Bench) -> Contest:
    if made is None:
        raise Skipped("not enough disk")
    setting = setting_of(case, bench)
    candidate = candidate_of(case, shape_on_disk(made), made.transformer_files)
    costs = Costs(setting.machine)
    policy = Policy(gpu_uuid=setting.uuid, cpu_is_for_small=False)
    on_card = setting.limits.vram_bytes is not None
    rungs = ladder([candidate], case.workload, costs, setting.limits, policy)
    rungs = tuple(rung for rung in rungs if (rung.plan.device is Device.CUDA) == on_card and rung.fit.fits)
    if not rungs:
        raise Skipped("no plan fits this PC")
    chosen = rungs[0].plan
    plans = card_plans(candidate, policy) if on_card else cpu_plans(candidate)
    seconds: dict[str, float | None] = {}
    for plan in plans:
        cost = costs.of(candidate, case.workload, plan)
        if not fit_of(plan, cost, setting.limits).fits:
            continue
        with contextlib.suppress(Skipped):
            check_room(case, cost, setting, bench)
            found = render(case, plan, made, setting, bench)
            seconds[plan.name] = found.seconds if found.is_done else None
            told = f"{cost.seconds_low or 0:.0f} to {cost.seconds_high or 0:.0f}"
            mark = "chosen" if plan.name == chosen.name else ""
            print(f"  {plan.name:44} {found.seconds:9.2f} s  estimate {told} s  {found.outcome} {mark}", flush=True)
    if chosen.name not in seconds:
        raise Skipped("the chosen plan has no room here")
    return Contest(case, chosen.name, seconds)


def summarise_choices(contests: Sequence[Contest], skipped: Sequence[str]) -> None:
    """Print what they come to, as words and as a line of JSON."""
    ratios = [contest.ratio for contest in contests if contest.ratio is not None]
    within = sum(ratio <= GOAL_RATIO for ratio in ratios)
    failed = len(contests) - len(ratios)
    largest = max(ratios, default=None)
    told = "nothing measured" if largest is None else f"slowest choice {largest:.2f} times the fastest plan"
    print(f"{told}, {within} of {len(contests)} within {GOAL_RATIO} times (goal: all)")
    print(f"chosen plans that failed: {failed} (goal: 0)\nskipped: {_counted(skipped)}")
    summary = {"title": "estimate_cuda choices", "run": len(contests), "within": within, "largest": largest}
    print(json.dumps({**summary, "failed": failed, "skipped": len(skipped)}))


# All of it -----------------------------------------------------------------------------------------------------------


def has_card() -> bool:
    """Both the driver and torch see a card that computes."""
    return torch.cuda.is_available() and card_of(probe()).computes


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50, help="whose memory is measured")
    parser.add_argument("--choices", type=int, default=10, help="for which all fitting plans are run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for models; the system's folder for temporary files if not given")
    parser.add_argument("--timeout-s", type=float, default=3600.0, help="of one render")
    parser.add_argument("--dry-run", action="store_true", help="tiny models on the CPU")
    options = parser.parse_args(argv)
    if not options.dry_run and not has_card():
        print(NO_CARD)
        return
    if options.dry_run:
        print("Dry run: tiny models on the CPU; no number here says anything of a card")
    draw = Draw(options.seed, tiny=options.dry_run)
    parts: list[tuple[Callable[[Iterable[Case], Bench], None], list[Case]]] = [
        (measure_memory, list(draw.cases(options.cases))),
        (measure_choices, list(draw.choices(options.choices))),
    ]
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    for part, cases in parts:
        with tempfile.TemporaryDirectory(prefix="estimate-cuda-", dir=options.folder) as name:
            if cases:
                part(cases, Bench(Path(name), options.dry_run, options.timeout_s))


if __name__ == "__main__":
    main()
