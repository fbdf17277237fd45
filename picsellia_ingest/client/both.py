"""Results that the SDK reference and the published clients describe differently, as values that are both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dataset import Dataset


class MadeDataset(str):
    """The id of a dataset, as the reference says; all that a Dataset can do, as the published clients say."""

    dataset: Dataset

    @classmethod
    def of(cls, dataset: Dataset) -> MadeDataset:
        """The one a Dataset works on."""
        made = cls(dataset.dataset_id)
        made.dataset = dataset
        return made

    def __getattr__(self, name: str) -> Any:
        if name == "dataset":
            raise AttributeError(name)
        return getattr(self.dataset, name)


class PictureList(list[dict[str, Any]]):
    """A list of pictures, as the reference says; ``["pictures"]`` of it is the list, as in the published clients."""

    def __getitem__(self, key: Any) -> Any:
        return self if key == "pictures" else super().__getitem__(key)


class NotGiven(str):
    """Stands for an argument that was not given where the documented default, an empty text, has a meaning too."""
