"""How long it takes to say whether a video fits a PC: every catalog model on many PCs, with all its substitutes.

The PCs are those that the tests know on paper. What is measured is the check itself; reading the catalog and looking at
the PC are measured apart.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import report
from tests.fakes.hardware import PROFILES, load
from wan_desktop.core.attention import Attention
from wan_desktop.core.catalog import Catalog, GenerationMode, read_catalog
from wan_desktop.core.compatibility import check
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.ladder import Candidate, Substitute
from wan_desktop.core.load_plan import Precision
from wan_desktop.core.measured_speed import CPU, KeptSpeed, MeasuredSpeeds, installed_torch
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus
from wan_desktop.core.model_shape import shape_of_entry
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.trial import Place, Question, Subject

_BYTES = (SpeedKind.COPY, SpeedKind.DISK)


def _subject(catalog: Catalog, model_id: str) -> Subject:
    """As for a model that is not on this PC: all packagings of it and of the models that may take its place."""
    metadata = catalog.entry(model_id)
    candidates: list[Candidate] = []
    for other_id in (model_id, *metadata.fallback_model_ids):
        other = catalog.entry(other_id)
        for variant in other.variants:
            shape = None if variant.is_refused else shape_of_entry(other, variant)
            kind = Substitute.MODEL if other_id != model_id else Substitute.VARIANT if candidates else Substitute.NONE
            if shape is not None:
                candidates.append(Candidate(other_id, variant.name, shape, kind))
    return Subject(metadata, metadata.variants[0], tuple(candidates), is_here=True, modes=metadata.modes)


def _speeds(profile: HardwareProfile) -> MeasuredSpeeds:
    """As the speed test of that PC leaves them; which numbers does not matter to how long a check takes."""
    parts = [(SpeedKind.PRODUCTS, name.value) for name in Precision if name is not Precision.AUTO]
    parts += [(SpeedKind.ATTENTION, name.value) for name in Attention]
    parts += [(SpeedKind.COPY, "pinned"), (SpeedKind.COPY, "pageable"), (SpeedKind.DISK, "read")]
    measured = tuple(
        SpeedPart(kind=kind, name=name, status=SpeedStatus.MEASURED, per_s=2e10 if kind in _BYTES else 5e13)
        for kind, name in parts
    )
    speeds = MeasuredSpeeds()
    for device, driver in [(CPU, ""), *((gpu.uuid, gpu.driver_version) for gpu in profile.gpus)]:
        report_of_device = SpeedReport(
            job="", device=device, device_name="", torch_version=installed_torch(), parts=measured, seconds=1.0
        )
        speeds = speeds.keep(KeptSpeed(report_of_device, driver))
    return speeds


def _check_seconds(subject: Subject, mode: GenerationMode, name: str, *, tested: bool = False) -> float:
    metadata = subject.metadata
    size = metadata.sizes[-1]
    workload = Workload(size.width, size.height, metadata.num_frames, 40, has_image=False, guidance_scale=5.0)
    profile = load(name)
    place = Place(profile, speeds=_speeds(profile)) if tested else Place(profile)
    started_s = time.perf_counter()
    check(subject, Question(mode=mode, workload=workload), place)
    return time.perf_counter() - started_s


def _seconds(call: Callable[[], object], runs: int) -> list[float]:
    found = []
    for _ in range(runs):
        started_s = time.perf_counter()
        call()
        found.append(time.perf_counter() - started_s)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench check", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    options = parser.parse_args(arguments)
    names = list(PROFILES)[: 1 if options.quick else None]
    catalog = read_catalog(resources_folder())
    models = [metadata for metadata in catalog.values() if metadata.repo_id]
    subjects = {metadata.model_id: _subject(catalog, metadata.model_id) for metadata in models}
    for tested in (False, True):
        rows = {
            f"{metadata.model_id}, {len(subjects[metadata.model_id].candidates)} packagings": [
                _check_seconds(subjects[metadata.model_id], metadata.modes[0], name, tested=tested) for name in names
            ]
            for metadata in models
        }
        after = ", each after its speed test" if tested else ""
        report(f"A check, on {len(names)} PCs{after}", rows, goal="each <= 0.05 s")
    runs = 1 if options.quick else 15
    looks = {
        "reading the catalog": _seconds(lambda: read_catalog(resources_folder()), runs),
        "looking at this PC": _seconds(lambda: probe(drives=(Path.home(),)), runs),
    }
    report("What comes before it", looks)


if __name__ == "__main__":
    main()
