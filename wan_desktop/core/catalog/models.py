"""Models that lie on this PC, ready to be loaded: the catalog's word and the folder's word together."""

from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.catalog.added import describe_folder, modes_of
from wan_desktop.core.catalog.metadata import GenerationMode, ModelMetadata
from wan_desktop.core.catalog.reading import Catalog, read_catalog
from wan_desktop.core.errors import ModelFilesMissingError, ModelNotFoundError
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import ModelFolder, check_transformer_file, inspect_model_folder
from wan_desktop.core.words import tr

BUILTIN_MODEL_ID = "shapes"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that lies on this PC: its metadata and its folder."""

    metadata: ModelMetadata
    folder: ModelFolder
    variant: str = ""
    """Which of its variants the folder holds; empty if it was not downloaded as one."""

    @property
    def modes(self) -> tuple[GenerationMode, ...]:
        """What it can make videos from."""
        return modes_of(self.folder)


def bundled_models(resources: Path) -> tuple[ModelMetadata, ...]:
    """The models that came with the program: all that can be used without a download."""
    return tuple(metadata for metadata in read_catalog(resources).values() if _lies_here(metadata, resources))


def _lies_here(metadata: ModelMetadata, resources: Path) -> bool:
    return bool(metadata.folder) and (resources / metadata.folder / "model_index.json").is_file()


def find_model(name: str, resources: Path, user_folder: Path | None = None) -> Model:
    """The model of that id, or the one in the folder of that path; not one that a store holds.

    Args:
        name: Id or path.
        resources: The program's resources.
        user_folder: Where the entries that the user added lie.

    Raises:
        ModelNotFoundError: It is neither, or it was never downloaded.
        CatalogError: Its entry cannot be used.
        IntegrityError: It is damaged; see `inspect_model_folder`.
    """
    catalog = read_catalog(resources, user_folder)
    if name in catalog or name in catalog.problems:
        metadata = catalog.entry(name)
        if metadata.folder:
            return Model(metadata, inspect_model_folder(resources / metadata.folder))
        raise ModelNotFoundError(
            tr("{name} is not on this PC.", name=metadata.name),
            hint=tr("Download {name} first. {usable}", name=name, usable=_usable(catalog, resources)),
        )
    path = Path(name).expanduser()
    if not path.is_dir():
        raise ModelNotFoundError(
            tr("There is no model {name!r}: it is not in the catalog and not a folder.", name=name),
            hint=_usable(catalog, resources),
        )
    folder = inspect_model_folder(path.absolute())
    return Model(describe_folder(folder, model_id=str(folder.path)), folder)


def _usable(catalog: Catalog, resources: Path) -> str:
    here = [model_id for model_id, metadata in catalog.items() if _lies_here(metadata, resources)]
    names = ", ".join(here)
    return tr("Models on this PC: {names}. Or give the folder that holds model_index.json.", names=names)


def installed_model(metadata: ModelMetadata, variant: str, folder: Path) -> Model:
    """The model in a folder that was downloaded as one of its variants.

    Raises:
        RequestError: There is no such variant, or it cannot be loaded.
        IntegrityError: It is damaged; see `inspect_model_folder`.
    """
    chosen = metadata.variant(variant)
    files = [folder / file for file in chosen.transformer_files]
    return Model(metadata, inspect_model_folder(folder, files), chosen.name)


def plan_for(model: Model, variant: str, resources: Path) -> LoadPlan:
    """How to load the model in that variant; an empty name means what lies in its folder.

    Raises:
        RequestError: There is no such variant, or it cannot be loaded.
        ModelFilesMissingError: A file of it is absent, or the folder holds another variant.
        IntegrityError: A file of it is damaged; see `check_transformer_file`.
    """
    name = variant or model.variant
    if not name:
        return LoadPlan()
    chosen = model.metadata.variant(name)
    if chosen.parts and chosen.name != model.variant:
        raise ModelFilesMissingError(
            tr(
                "{path} does not hold {name} as {variant}.",
                path=model.folder.path,
                name=model.metadata.name,
                variant=chosen.name,
            ),
            hint=tr("Download {variant}, or leave the variant out.", variant=chosen.name),
        )
    root = model.folder.path if chosen.parts else resources
    files = [(root / file).absolute() for file in chosen.transformer_files]
    for file in files:
        check_transformer_file(file)
    return LoadPlan(transformer_files=tuple(str(file) for file in files))
