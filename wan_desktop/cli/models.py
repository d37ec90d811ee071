"""The commands about models: list, look, download, check, repair, adopt, remove."""

import argparse
import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wan_desktop.cli.interrupt import cancel_on_interrupt
from wan_desktop.cli.reporter import EXIT_DONE, EXIT_FAILED, Reporter
from wan_desktop.core.catalog import Catalog, ModelMetadata, Variant, add_entry, metadata_for_repo, read_catalog
from wan_desktop.core.errors import InputError, ModelNotFoundError, RequestError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_checks import VerifyProgress
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.settings import load_settings
from wan_desktop.core.store.adopt import AdoptProgress
from wan_desktop.core.store.download import DownloadProgress
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelState, ModelStatus
from wan_desktop.core.store.token import write_token
from wan_desktop.core.store.transfer import TransferProgress
from wan_desktop.core.words import mark, tr, trn

_MEGA, _GIGA = 1_000_000, 1_000_000_000


def add_models(models: argparse.ArgumentParser, kind: type[argparse.ArgumentParser]) -> None:
    """The arguments of `models`."""
    commands = models.add_subparsers(dest="deed", required=True, metavar="WHAT", parser_class=kind)
    for deed in _DEEDS.values():
        parser = commands.add_parser(deed.name, help=tr(deed.help))
        if deed.argument:
            parser.add_argument(deed.argument.lower(), metavar=deed.argument, help=tr(deed.argument_help))
        if deed.argument == "ID":
            parser.add_argument("--variant", default="", metavar="NAME", help=tr("which packaging of the model"))
        parser.add_argument("--json", action="store_true", help=tr("JSON lines on standard output"))
        if deed.name == "download":
            parser.add_argument("--limit", type=float, metavar="MB/S", help=tr("at most so many megabytes a second"))
            parser.add_argument("--update", action="store_true", help=tr("bring what is newest at the Hub"))
        if deed.name in ("adopt", "add"):
            parser.add_argument("--copy", action="store_true", help=tr("copy a model that lies on another drive"))
        if deed.name == "token":
            parser.add_argument("--forget", action="store_true", help=tr("delete it"))
        if deed.name == "verify":
            parser.add_argument("--deep", action="store_true", help=tr("read every byte"))


def run_models(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Run one of the commands."""
    context = JobContext("command-line", _progress_report(reporter))
    restore = cancel_on_interrupt(context.cancel_asked)
    manager = ModelManager.open(paths, load_settings(paths.settings_file))
    try:
        catalog = read_catalog(paths.resources, paths.added_models)
        return _DEEDS[args.deed].run(_Call(args, paths, reporter, manager, catalog, context))
    finally:
        manager.close()
        restore()


@dataclass(frozen=True, slots=True)
class _Call:
    args: argparse.Namespace
    paths: AppPaths
    reporter: Reporter
    manager: ModelManager
    catalog: Catalog
    context: JobContext

    @property
    def metadata(self) -> ModelMetadata:
        return self.catalog.entry(self.args.id)

    @property
    def variant(self) -> Variant:
        """The one that was named; else the one that is here; else the first that can be loaded."""
        if self.args.variant:
            return self.metadata.variant(self.args.variant)
        here = {key.variant for key in self.manager.installed() if key.model_id == self.args.id}
        for variant in self.metadata.variants:
            if variant.name in here:
                return variant
        for variant in self.metadata.variants:
            if not variant.is_refused and variant.parts:
                return variant
        raise RequestError(
            tr("{name} comes with the program.", name=self.metadata.name), hint=tr("It needs no download.")
        )

    @property
    def key(self) -> ModelKey:
        if self.args.id in self.catalog:
            return ModelKey(self.args.id, self.variant.name)
        for key in self.manager.installed():  # adopted, without an entry
            if key.model_id == self.args.id and self.args.variant in ("", key.variant):
                return key
        return ModelKey(self.metadata.model_id, self.args.variant)


def _list(call: _Call) -> int:
    for state in _states(call):
        name = f"{state.key.model_id} {state.key.variant}"
        words = f"{name:42} {state.status:12} {state.size_bytes / _GIGA:7.1f} GB  {state.reason}"
        call.reporter.line(words, "model", **_plain_state(state))
    for name, problem in call.catalog.problems.items():
        call.reporter.event("problem", f"{name}: {problem.message}", model_id=name, message=problem.message)
    return call.reporter.result("", {})


def _states(call: _Call) -> list[ModelState]:
    keys = {
        ModelKey(metadata.model_id, variant.name): None
        for metadata in call.catalog.values()
        for variant in metadata.variants
        if variant.parts
    }
    keys |= dict.fromkeys(call.manager.installed())
    return [call.manager.state(key) for key in keys]


def _plain_state(state: ModelState) -> dict[str, Any]:
    return {
        "model_id": state.key.model_id,
        "variant": state.key.variant,
        "status": state.status.value,
        "reason": state.reason,
        "at": state.at,
        "folder": None if state.folder is None else str(state.folder),
        "size_bytes": state.size_bytes,
    }


def _info(call: _Call) -> int:
    metadata = call.metadata
    fields = to_plain(metadata)
    fields["states"] = [_plain_state(state) for state in _states(call) if state.key.model_id == metadata.model_id]
    words = [f"{metadata.name}: {tr(metadata.description)}", tr("Licence: {licence}", licence=metadata.licence)]
    words += [tr("Source: {source}", source=metadata.source)] if metadata.source else []
    for variant in metadata.variants:
        sizes = tr(
            "{download:.1f} GB to download, {on_disk:.1f} on disk",
            download=variant.download_bytes / _GIGA,
            on_disk=variant.size_on_disk_bytes / _GIGA,
        )
        words.append(f"  {variant.name}: {tr(variant.description)} {tr(variant.refused_because) or sizes}")
    words += [f"  {state['variant']}: {state['status']}, {state['reason']}" for state in fields["states"]]
    return call.reporter.result("\n".join(words), fields)


def _add(call: _Call) -> int:
    given: str = call.args.repo_or_folder
    if Path(given).expanduser().is_dir():
        return _adopt_folder(call, Path(given).expanduser())
    metadata = metadata_for_repo(given)
    repo = call.manager.repo(given, call.context)
    add_entry(metadata, call.paths.added_models)
    size_bytes = sum(file.size_bytes for file in repo.files)
    words = tr(
        "{given} is added as {model} ({size:.1f} GB).",
        given=given,
        model=metadata.model_id,
        size=size_bytes / _GIGA,
    )
    return call.reporter.result(words, {"model_id": metadata.model_id, "size_bytes": size_bytes})


def _check_remote(call: _Call) -> int:
    repo_ids = list(dict.fromkeys(part.repo_id for part in call.variant.parts))
    state = call.manager.check_remote(call.key, repo_ids, call.context)
    return call.reporter.result(f"{state.status}: {state.text}", to_plain(state))


def _download(call: _Call) -> int:
    limit = call.args.limit
    if limit is not None and not 0.001 <= limit <= 100_000:
        raise InputError(tr("--limit is {limit}.", limit=limit), hint=tr("Give megabytes a second, such as 5."))
    settings = load_settings(call.paths.settings_file)
    bytes_per_s = round(limit * _MEGA) if limit else settings.download_limit_bytes_per_s
    plan = call.manager.plan(call.metadata, call.variant, call.context, update=call.args.update)
    call.reporter.event(
        "started",
        trn(
            "{model} {variant}: {count} file, {size:.2f} GB",
            "{model} {variant}: {count} files, {size:.2f} GB",
            len(plan.files),
            model=plan.key.model_id,
            variant=plan.key.variant,
            size=plan.download_bytes / _GIGA,
        ),
        files=len(plan.files),
        download_bytes=plan.download_bytes,
    )
    call.manager.download(plan, call.context, limits=TransferLimits(bytes_per_s=bytes_per_s))
    state = call.manager.state(plan.key)
    return call.reporter.result(f"{state.status}: {state.folder}", _plain_state(state))


def _verify(call: _Call) -> int:
    report = call.manager.checks.verify(call.key, call.context, deep=call.args.deep)
    for finding in (*report.bad, *report.unchecked):
        words = f"{finding.path}: {finding.state}. {finding.reason}"
        call.reporter.line(words, "file", **to_plain(finding))
    advice = call.manager.checks.damage_advice(call.key) if report.bad else ""
    fields = {"good": report.good, "bad": len(report.bad), "unchecked": len(report.unchecked), "advice": advice}
    fields |= {"read_bytes": report.read_bytes, "seconds": report.seconds}
    call.reporter.result(f"{report.summary()} {advice}".strip(), fields)
    return EXIT_FAILED if report.bad else EXIT_DONE


def _repair(call: _Call) -> int:
    report = call.manager.checks.verify(call.key, call.context, deep=True)
    if not report.bad:
        return call.reporter.result(report.summary(), {"repaired": 0, "good": report.good})
    plan = call.manager.checks.repair_plan(call.key, report)
    call.reporter.event(
        "started",
        tr(
            "Files to repair: {number}; at most {size:.1f} MB to download",
            number=len(plan.files),
            size=plan.download_bytes / _MEGA,
        ),
        files=len(plan.files),
        download_bytes=plan.download_bytes,
    )
    after = call.manager.checks.repair(call.key, report, call.context)
    return call.reporter.result(after.summary(), {"repaired": len(plan.files), "good": after.good})


def _adopt(call: _Call) -> int:
    folder = Path(call.args.dir).expanduser()
    return _adopt_folder(call, folder)


def _adopt_folder(call: _Call, folder: Path) -> int:
    adopted = call.manager.adopt(folder, call.paths.added_models, call.context, may_copy=call.args.copy)
    for key in adopted.keys:
        state = call.manager.state(key)
        call.reporter.line(f"{key.model_id}: {state.status}, {state.folder}", "model", **_plain_state(state))
    for problem in adopted.problems:
        call.reporter.event("problem", problem, message=problem)
    words = tr(
        "Models adopted: {number}. Files with weights that are known now: {files}.",
        number=len(adopted.keys),
        files=adopted.files,
    )
    return call.reporter.result(words, {"model_ids": [key.model_id for key in adopted.keys], "files": adopted.files})


def _remove(call: _Call) -> int:
    if call.manager.state(call.key).status == ModelStatus.MISSING:
        raise ModelNotFoundError(tr("{id} is not on this PC.", id=call.args.id), hint=tr("models list shows what is."))
    removed = call.manager.remove(call.key)
    words = tr(
        "In the trash: {path}. {freed:.2f} GB are freed when it is emptied; {shared:.2f} GB are shared with other "
        "models and stay.",
        path=removed.item.path,
        freed=removed.freed_bytes / _GIGA,
        shared=removed.shared_bytes / _GIGA,
    )
    fields = {"trash": str(removed.item.path), "freed_bytes": removed.freed_bytes}
    return call.reporter.result(words, fields | {"shared_bytes": removed.shared_bytes})


def _put_back(call: _Call) -> int:
    for item in call.manager.trash.items():
        if item.key.model_id == call.args.id and call.args.variant in ("", item.key.variant):
            call.manager.put_back(item)
            state = call.manager.state(item.key)
            return call.reporter.result(f"{state.status}: {state.folder}", _plain_state(state))
    raise ModelNotFoundError(tr("{id} is not in the trash.", id=call.args.id), hint=tr("Download it again."))


def _history(call: _Call) -> int:
    for entry in call.manager.history(call.args.id, call.args.variant or None):
        words = f"{entry.at}  {entry.key.variant:8} {entry.kind:12} {entry.outcome:10} {entry.text}"
        call.reporter.line(words, "entry", **to_plain(entry))
    return call.reporter.result("", {})


def _token(call: _Call) -> int:
    """Never from an argument, which other users of this PC could see."""
    if call.args.forget:
        write_token("")
        return call.reporter.result(tr("The access token is forgotten."), {"kept": False})
    token = getpass.getpass(tr("Access token of huggingface.co: ")) if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise InputError(
            tr("There is no token."), hint=tr("Enter it, or give it on standard input; --forget deletes it.")
        )
    write_token(token)
    words = tr("The access token is in this system's keyring; it is sent to the Hub only.")
    return call.reporter.result(words, {"kept": True})


@dataclass(frozen=True, slots=True)
class _Deed:
    name: str
    help: str
    run: Callable[[_Call], int]
    argument: str = ""
    argument_help: str = ""


_ID = ("ID", mark("a model of the list"))
_DEEDS = {
    deed.name: deed
    for deed in (
        _Deed("list", mark("every model and how it stands on this PC"), _list),
        _Deed("info", mark("all about one model"), _info, *_ID),
        _Deed(
            "add",
            mark("add a repository of the Hub, or a model folder"),
            _add,
            "REPO_OR_FOLDER",
            mark("namespace/name, or a path"),
        ),
        _Deed("check-remote", mark("ask the Hub how a model stands there"), _check_remote, *_ID),
        _Deed("download", mark("download a model, or go on with a download"), _download, *_ID),
        _Deed("verify", mark("check a model's files"), _verify, *_ID),
        _Deed("repair", mark("fetch what is damaged"), _repair, *_ID),
        _Deed(
            "adopt",
            mark("use what a folder holds: models, ComfyUI's, WanGP's, the Hugging Face cache"),
            _adopt,
            "DIR",
            mark("the folder"),
        ),
        _Deed("remove", mark("put a model into the trash"), _remove, *_ID),
        _Deed("put-back", mark("take a removed model out of the trash"), _put_back, *_ID),
        _Deed("history", mark("what happened to a model"), _history, *_ID),
        _Deed("token", mark("keep the Hub's access token, for models that need one, in the system's keyring"), _token),
    )
}


def _progress_report(reporter: Reporter) -> Callable[[str, Any], None]:
    def report(_: str, progress: Any) -> None:
        if isinstance(progress, DownloadProgress):
            reporter.event("progress", _transfer_words(progress.transfer), **to_plain(progress))
        elif isinstance(progress, TransferProgress):
            reporter.event("progress", _transfer_words(progress), **to_plain(progress))
        elif isinstance(progress, (VerifyProgress, AdoptProgress)):
            part = 100 * progress.done_bytes // max(1, progress.total_bytes)
            reporter.event("progress", tr("Reading {part} %", part=part), **to_plain(progress))

    return report


def _transfer_words(progress: TransferProgress) -> str:
    part = 100 * progress.done_bytes // max(1, progress.total_bytes)
    if progress.checking:
        return tr("Checking what is there, {part} %", part=part)
    if progress.waiting:
        return tr("{part} %, waiting: {waiting}", part=part, waiting=progress.waiting)
    return tr("{part} % of {total:.2f} GB", part=part, total=progress.total_bytes / _GIGA)
