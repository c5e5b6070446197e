"""What a training job is told, typed; the Snakefile hands it to the job's script as plain values."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from skybake.settings import Settings
from skybake.training.settings import Training


class Job(Settings):
    """A baseline to fit with some seeds: what all jobs are told.

    Attributes:
        dataset, model, loss: Names, as in the results tree.
        library_model: Name of the model or baseline in the library.
        model_parameters: Those that differ from its defaults.
        label: Name of the label, of several of the first.
        labels: Names of all, where a network predicts several; else empty.
        inputs: Names of the scalars given beside the image.
        derived: Name -> formula, of those that are no scalars of the dataset.
        code: Digest of the library files that make the result.
        fold: Of the split, counted from 1; None where there is only one.
    """

    dataset: str
    model: str
    loss: str
    library_model: str
    model_parameters: dict[str, Any] = Field(default_factory=dict)
    label: str
    labels: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    derived: dict[str, str] = Field(default_factory=dict)
    code: str = ""
    fold: int | None = None

    @property
    def label_errors(self) -> bool:
        """Whether known errors of the label are taken into account; no baseline does."""
        return False

    @property
    def sees_test(self) -> bool:
        """Whether the job may see the test part."""
        return True

    def params(self) -> dict[str, Any]:
        """Return plain values for a rule's ``params``: whatever changes there runs the job again."""
        return self.model_dump(exclude={"code"})

    def facts(self) -> dict[str, Any]:
        """Return what ``run.json`` says of the job."""
        named = {"dataset", "model", "loss", "library_model", "model_parameters", "label", "inputs", "derived"}
        named |= {"fold"} if self.fold is not None else set()
        named |= {"labels"} if self.labels else set()
        return {**self.model_dump(include=named), "library_loss": None, "loss_parameters": {}, "training": {}}


class NetworkJob(Job):
    """A network to train with some seeds.

    Attributes:
        library_loss: Name of the loss in the library.
        loss_parameters: Those that differ from its defaults.
        training: How it is trained.
        point: Name of the point of a sweep; empty where nothing is swept.
        tested: False for a point that has not been chosen: of the test part it neither reads nor writes anything.
    """

    library_loss: str
    loss_parameters: dict[str, Any] = Field(default_factory=dict)
    training: Training
    point: str = ""
    tested: bool = True

    @property
    def label_errors(self) -> bool:
        """Whether the loss is given the known errors of the label."""
        return bool(self.loss_parameters.get("label_errors"))

    @property
    def sees_test(self) -> bool:
        """Whether the job may see the test part."""
        return self.tested

    def facts(self) -> dict[str, Any]:
        """Return what ``run.json`` says of the job."""
        named = {"library_loss", "loss_parameters", "training", *({"point"} if self.point else ())}
        return {**super().facts(), **self.model_dump(include=named)}
