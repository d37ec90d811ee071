"""Is a model on disk still whole? Our checks beside bare hashlib and the Hub's own verification, in one run.

1. Right after a download, by the same server as in `store_download`: what it takes to know that the model is whole.
2. All bytes of a model read again, by its block maps and, where those are lost, by sha256, against what hashlib alone
   does with bytes in memory and with files.
3. A quick look at a model of 60 GB: 30 files with true headers and holes for weights, listed and stamped as after a
   download. What is not looked at is left out: the sha256 of the holes, and block maps.

Files lie in memory (/dev/shm) where the system has that, so that the programs are measured and not the drive.
"""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved, report
from benchmarks.store_download import (
    Server,
    hub_download,
    hub_verify,
    in_new_process,
    prepare_hub,
    serving,
    work_folder,
    write_random,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.download import Downloader, DownloadPlan, PlannedFile
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import (
    METADATA_FOLDER,
    FileStamp,
    Manifest,
    ManifestFile,
    Origin,
    write_manifest,
    write_stamps,
)
from wan_desktop.core.store.verify import DeepCheck, IntegrityReport, quick_check

_KEY = ModelKey("benchmark", "bf16")
_HASH_CHUNK_BYTES = 4 << 20
_OURS, _HUB = "ours", "huggingface_hub's verify"
_SPARSE_BYTES = 60 * 10**9
_SPARSE_FILES = {"transformer": 12, "transformer_2": 12, "text_encoder": 5, "vae": 1}  # as Wan2.2 A14B has them
_SPARSE_TENSORS = 91
_SMALL_FILES = 20


@dataclass(frozen=True, slots=True)
class _Size:
    """How much is measured."""

    model_bytes: int
    hashed_bytes: int
    runs: int
    quick_runs: int
    warm_up: int


_FULL = _Size(model_bytes=2 * 10**9, hashed_bytes=512 << 20, runs=7, quick_runs=31, warm_up=1)
_QUICK = _Size(model_bytes=3_000_000, hashed_bytes=_HASH_CHUNK_BYTES, runs=1, quick_runs=2, warm_up=0)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a verification took."""

    seconds: float
    read_bytes: int


# Models --------------------------------------------------------------------------------------------------------------


def _header(size_bytes: int, tensors: int) -> bytes:
    """The start of a safetensors file of that size: its tensors fill the rest exactly."""
    entries: dict[str, object] = {}
    data_bytes = size_bytes - 300 * tensors  # more than any entry below takes
    for index in range(tensors):
        begin, end = (data_bytes * edge // tensors for edge in (index, index + 1))
        name = f"blocks.{index // 13}.attn{index % 13}.to_q.weight"
        entries[name] = {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
    text = json.dumps(entries).encode().ljust(300 * tensors - 8)
    return struct.pack("<Q", len(text)) + text


def _make_model(folder: Path, model_bytes: int, files: int) -> None:
    """Random weights in so many files, of which the first is as large as the next three together if there are more."""
    parts = [3, *[1] * (files - 1)] if files > 3 else [1] * files
    (folder / "transformer").mkdir(parents=True)
    for index, part in enumerate(parts):
        size_bytes = model_bytes * part // sum(parts)
        path = folder / "transformer" / f"diffusion_pytorch_model-{index + 1:05}-of-{files:05}.safetensors"
        write_random(path, size_bytes, head=_header(size_bytes, _SPARSE_TENSORS))
    (folder / "transformer" / "config.json").write_text("{}\n")


def _install(server: Server, root: Path) -> Path:
    """Download the model with our own downloader; returns its folder."""
    client = HubClient(endpoint=server.url)
    repo = client.repo(server.repo_id, server.revision)
    origins = [
        Origin(repo.repo_id, repo.revision, file.filename, file.size_bytes, file.sha256, file.git_sha1)
        for file in repo.files
    ]
    plan = DownloadPlan(_KEY.model_id, _KEY.variant, tuple(PlannedFile(origin.filename, origin) for origin in origins))
    library = Library(Disk(), root, create=True)
    Downloader(library, client).run(plan, JobContext("benchmark", lambda *_: None))
    return library.folder(_KEY)


def _make_sparse_model(folder: Path) -> None:
    """A model of 60 GB that takes next to no space."""
    file_bytes = _SPARSE_BYTES // sum(_SPARSE_FILES.values())
    weights = [
        f"{component}/model-{index + 1:05}-of-{count:05}.safetensors"
        for component, count in _SPARSE_FILES.items()
        for index in range(count)
    ]
    for name in weights:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_header(file_bytes, _SPARSE_TENSORS))
        os.truncate(path, file_bytes)
    small = [f"transformer/config-{index}.json" for index in range(_SMALL_FILES)]
    for name in small:
        (folder / name).write_text("{}\n")
    _list_files(folder, [*weights, *small])


def _list_files(folder: Path, names: Sequence[str]) -> None:
    """The manifest and the stamps that a download leaves."""
    disk, now, sha256 = Disk(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "0" * 64
    files, stamps = [], {}
    for name in names:
        found = disk.stat(folder / name)
        origin = Origin("fake/model", "0" * 40, name, found.size_bytes, sha256)
        files.append(ManifestFile(name, found.size_bytes, sha256, origin))
        stamps[name] = FileStamp(found.size_bytes, found.mtime_ns, found.file_id, now, sha256)
    write_manifest(disk, folder, Manifest(_KEY.model_id, _KEY.variant, tuple(files), now))
    write_stamps(disk, folder, stamps)


# Right after a download ----------------------------------------------------------------------------------------------


def _read_so_far() -> int:
    """Bytes that this process has read from files, cached or not; only Linux counts them. Looking takes 100 itself."""
    if sys.platform != "linux":
        return 0
    text = Path("/proc/self/io").read_text()
    return int(text.split()[1])


def _good(found: IntegrityReport) -> None:
    if not found.good:
        raise RuntimeError(found.summary())


def _ours_after_download(server: Server, root: Path) -> _Verified:
    folder = _install(server, root)
    before_bytes, started_s = _read_so_far(), time.perf_counter()
    found = quick_check(Disk(), folder)
    seconds, after_bytes = time.perf_counter() - started_s, _read_so_far()
    _good(found)
    return _Verified(seconds, after_bytes - before_bytes)


def _hub_after_download(server: Server, root: Path) -> _Verified:
    with tempfile.TemporaryDirectory() as cache:
        prepare_hub(server, Path(cache))
        hub_download(server, root)
        before_bytes = _read_so_far()
        seconds = hub_verify(server, root).seconds
        return _Verified(seconds, _read_so_far() - before_bytes)


def _compare_after_download(server: Server, work: Path, size: _Size) -> None:
    found: dict[str, list[_Verified]] = {_OURS: [], _HUB: []}

    def run(name: str, call: Callable[[Server, Path], _Verified]) -> float:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            found[name].append(in_new_process(call, server, Path(folder)))
        return found[name][-1].seconds

    calls = {_OURS: partial(run, _OURS, _ours_after_download), _HUB: partial(run, _HUB, _hub_after_download)}
    interleaved(size.runs, calls, warm_up=size.warm_up)
    counted = {name: costs[size.warm_up :] for name, costs in found.items()}
    title = f"{size.model_bytes / 1e6:.0f} MB just downloaded: is it whole?"
    report(title, {name: [cost.seconds for cost in costs] for name, costs in counted.items()}, anchor=_HUB)
    read = {name: [cost.read_bytes / 1e6 for cost in costs] for name, costs in counted.items()}
    report(f"{title} Read for that", read, anchor=_HUB, goal="ours: headers and lists only", unit="MB")


# All bytes -----------------------------------------------------------------------------------------------------------


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _hash_rate(hashed_bytes: int, threads: int) -> float:
    """GB/s of hashlib over bytes in memory, so many threads at once."""
    chunk = os.urandom(_HASH_CHUNK_BYTES)

    def work(_: int) -> None:
        digest = hashlib.sha256()
        for _ in range(hashed_bytes // len(chunk)):
            digest.update(chunk)

    with ThreadPoolExecutor(threads) as pool:
        started_s = time.perf_counter()
        list(pool.map(work, range(threads)))
        return hashed_bytes // len(chunk) * len(chunk) * threads / 1e9 / (time.perf_counter() - started_s)


def _file_hash_rate(folder: Path) -> float:
    """GB/s of hashlib over the model's files, one after another."""
    files = [path for path in folder.rglob("*.safetensors") if path.is_file()]
    started_s = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return sum(path.stat().st_size for path in files) / 1e9 / (time.perf_counter() - started_s)


def _deep_rate(folder: Path, *, by_maps: bool) -> float:
    if not by_maps:
        shutil.rmtree(folder / METADATA_FOLDER / "blocks")  # the check writes them anew
    started_s = time.perf_counter()
    found = DeepCheck(Disk(), folder).run(lambda *_: None)
    seconds = time.perf_counter() - started_s
    _good(found)
    return found.read_bytes / 1e9 / seconds


def _hub_seconds(server: Server, folder: Path) -> float:
    with tempfile.TemporaryDirectory() as cache:
        prepare_hub(server, Path(cache))
        return hub_verify(server, folder).seconds


def _compare_deep(server: Server, folder: Path, size: _Size, files: int) -> None:
    cores = _cores()
    by_maps, by_sha256 = "ours, deep check by block maps", "ours, deep check by sha256"
    bare, reading = "hashlib, one thread", "hashlib.file_digest"
    results = interleaved(
        size.runs,
        {
            bare: partial(_hash_rate, size.hashed_bytes, 1),
            f"hashlib, {cores} threads at once": partial(_hash_rate, size.hashed_bytes, cores),
            reading: partial(_file_hash_rate, folder),
            by_maps: partial(_deep_rate, folder, by_maps=True),
            by_sha256: partial(_deep_rate, folder, by_maps=False),
            _HUB: lambda: size.model_bytes / 1e9 / in_new_process(_hub_seconds, server, folder),
        },
        warm_up=size.warm_up,
    )
    title = f"All bytes of {size.model_bytes / 1e6:.0f} MB in {files} files"
    # Bytes in memory are the limit that nobody who reads files reaches: bringing them there takes a core's time too.
    for one in (bare, reading):
        every = f"{cores} x {one}"
        rows = {**results, every: [rate * cores for rate in results[one]]}
        report(f"{title}, against {one}", rows, anchor=every, goal="ours >= 0.9 x", unit="GB/s")


# A quick look --------------------------------------------------------------------------------------------------------


def _quick_seconds(folder: Path) -> float:
    started_s = time.perf_counter()
    found = quick_check(Disk(), folder)
    seconds = time.perf_counter() - started_s
    _good(found)
    return seconds


def _compare_quick(work: Path, size: _Size) -> None:
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        _make_sparse_model(folder)
        results = interleaved(
            size.quick_runs,
            {
                "first in a process": lambda: in_new_process(_quick_seconds, folder),
                "again": partial(_quick_seconds, folder),
            },
            warm_up=size.warm_up,
        )
    report(f"Quick check of {_SPARSE_BYTES / 1e9:.0f} GB", results, goal="<= 0.05 s")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench store_verify", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs: the figures mean nothing")
    parser.add_argument("--runs", type=int, default=_FULL.runs, help="of each contender, after one that does not count")
    parser.add_argument("--folder", type=Path, help="where files lie instead of in memory; 8 GB must be free")
    options = parser.parse_args(arguments)
    size = _QUICK if options.quick else replace(_FULL, runs=options.runs)
    with work_folder(options.folder) as work:
        _compare_quick(work, size)
        for files in (_cores(), 4 * _cores() + 1):
            with tempfile.TemporaryDirectory(dir=work) as name:
                source, installed = Path(name, "source"), Path(name, "installed")
                _make_model(source, size.model_bytes, files)
                with serving(source) as server:
                    if files == _cores():
                        _compare_after_download(server, work, size)
                    _compare_deep(server, in_new_process(_install, server, installed), size, files)


if __name__ == "__main__":
    main()
