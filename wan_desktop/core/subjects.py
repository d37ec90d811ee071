"""Models as the compatibility check sees them: the one that was asked for, and what might take its place."""

import logging
from collections.abc import Iterator
from pathlib import Path

from wan_desktop.core.catalog import Catalog, GenerationMode, Model, ModelMetadata, Variant, find_model, modes_of
from wan_desktop.core.errors import IntegrityError
from wan_desktop.core.ladder import Candidate, Substitute
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import shape_of_entry, shape_of_folder
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.trial import Subject

logger = logging.getLogger(__name__)


class Subjects:
    """Makes subjects of models.

    Args:
        catalog: All entries.
        manager: Says what is on this PC.
        resources: The program's resources.
    """

    def __init__(self, catalog: Catalog, manager: ModelManager, resources: Path) -> None:
        self._catalog, self._manager, self._resources = catalog, manager, resources

    def subject(self, name: str, variant: str = "") -> Subject:
        """The model of that id, or the one in the folder of that path.

        Args:
            name: Id or path.
            variant: Which packaging of it; empty means the one that is here, else the first.

        Raises:
            RequestError: There is no such variant.
            ModelNotFoundError: There is no such model.
            IntegrityError: The folder of that path holds none.
        """
        metadata = self._catalog.get(name)
        if metadata is None:
            return _of_folder(find_model(name, self._resources))
        chosen = metadata.variant(variant) if variant else self._usual(metadata)
        own = [] if chosen is not None and chosen.is_refused else [self._candidate(metadata, chosen, Substitute.NONE)]
        candidates = [candidate for candidate in own if candidate]
        if candidates:
            candidates += [*self._other_variants(metadata, chosen), *self._other_models(metadata)]
        is_here = bool(candidates) and candidates[0].is_here
        return Subject(
            metadata=metadata,
            variant=chosen,
            candidates=tuple(candidates),
            is_here=is_here,
            download_bytes=0 if is_here or chosen is None else chosen.download_bytes,
            modes=metadata.modes or self._modes_here(metadata, chosen),
        )

    def substitutes(self, model: Model, variant: str = "", *, other_models: bool = False) -> tuple[Candidate, ...]:
        """What is on this PC and could make a video in a model's place: its smaller weights, then other models.

        Args:
            model: As it is rendered with.
            variant: That the request names; empty for the model's own weights.
            other_models: Other models too.
        """
        metadata = self._catalog.get(model.metadata.model_id)
        if metadata is None:
            return ()
        name = variant or model.variant
        found = [*self._other_variants(metadata, metadata.variant(name) if name else None)]
        if other_models:
            found += self._other_models(metadata)
        return tuple(each for each in found if each.is_here)

    def model(self, model_id: str, variant: str) -> Model:
        """A model that is on this PC, to render with.

        Raises:
            WanError: It is not there any more, or damaged.
        """
        metadata = self._catalog.entry(model_id)
        if metadata.folder:
            return Model(metadata, inspect_model_folder(self._resources / metadata.folder))
        return self._manager.model(metadata, variant)

    def _usual(self, metadata: ModelMetadata) -> Variant | None:
        """None for a model that comes with the program as a folder."""
        if metadata.folder:
            return None
        usable = [variant for variant in metadata.variants if not variant.is_refused]
        here = [variant for variant in usable if self._folder(metadata, variant) is not None]
        return next(iter([*here, *usable]), None)

    def _folder(self, metadata: ModelMetadata, variant: Variant | None) -> Path | None:
        """Where the model lies; None when it is not here."""
        if metadata.folder and (variant is None or not variant.parts):
            return self._resources / metadata.folder
        if variant is None:
            return None
        state = self._manager.state(ModelKey(metadata.model_id, variant.name))
        return state.folder if state.status.usable else None

    def _candidate(self, metadata: ModelMetadata, variant: Variant | None, substitute: Substitute) -> Candidate | None:
        name = variant.name if variant else ""
        folder = self._folder(metadata, variant)
        if folder is None:
            shape = shape_of_entry(metadata, variant) if variant else None
            if shape is None:
                return None
            return Candidate(metadata.model_id, name, shape, substitute, is_here=False, name=metadata.name)
        root = folder if variant is not None and variant.parts else self._resources
        files = [root / file for file in variant.transformer_files] if variant else []
        try:
            inspected = inspect_model_folder(folder, files)
        except IntegrityError as error:
            logger.warning("%s is left out of the check: %s", folder, error.message)
            return None
        paths = tuple(str(file.absolute()) for file in files)
        shape = shape_of_folder(inspected, files)
        return Candidate(
            metadata.model_id, name, shape, substitute, True, paths, str(folder.absolute()), name=metadata.name
        )

    def _modes_here(self, metadata: ModelMetadata, variant: Variant | None) -> tuple[GenerationMode, ...]:
        folder = self._folder(metadata, variant)
        return modes_of(inspect_model_folder(folder)) if folder is not None else ()

    def _other_variants(self, metadata: ModelMetadata, chosen: Variant | None) -> Iterator[Candidate]:
        """In the catalog's order, which goes from the most exact to the smallest; nothing that is larger."""
        names = [variant.name for variant in metadata.variants]
        after = names.index(chosen.name) + 1 if chosen is not None else 0
        for variant in metadata.variants[after:]:
            if not variant.is_refused and (candidate := self._candidate(metadata, variant, Substitute.VARIANT)):
                yield candidate

    def _other_models(self, metadata: ModelMetadata) -> Iterator[Candidate]:
        """What is here of each, most exact first, else its smallest packaging."""
        for model_id in metadata.fallback_model_ids:
            other = self._catalog.get(model_id)
            if other is None:
                continue
            made = [
                self._candidate(other, variant, Substitute.MODEL)
                for variant in (other.variants or (None,))
                if variant is None or not variant.is_refused
            ]
            candidates = [candidate for candidate in made if candidate]
            here = [candidate for candidate in candidates if candidate.is_here]
            yield from here or candidates[-1:]


def _of_folder(model: Model) -> Subject:
    candidate = Candidate(model.metadata.model_id, "", shape_of_folder(model.folder))
    return Subject(model.metadata, None, (candidate,), True, modes=model.modes)
