"""How a network is trained, as the config says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from skybake.settings import Settings
from skybake.training import presets
from skybake.training.images.settings import AnyStep
from skybake.training.optimizers import Adam, AnyOptimizer
from skybake.training.schedules.settings import AnySchedule


class EarlyStopping(Settings):
    """Stop when the validation loss has not improved for some epochs."""

    patience: int = Field(10, ge=1, description="Epochs without improvement.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")


class Backgrounds(Settings):
    """Training objects that are seen again, fainter and on other backgrounds: images of a class that holds no object.

    For images of mean 0 and one noise, as `images: robust` makes them.
    """

    of: str = Field(description="Name of the class whose images are backgrounds.")
    copies: int = Field(3, ge=1, le=100, description="How often each object of the training part is seen so.")
    least: float = Field(
        0.6,
        gt=0,
        lt=1,
        description="The faintest that an object becomes, as a part of its light; up to all of it.",
    )


class ObjectWeights(Settings):
    """How much each training object counts in the loss, with a mean of 1; validation and metrics count all alike."""

    by: Literal["inverse_density", "effective_number", "column"] = Field(
        description="The inverse density of the label, for a number; of classes the effective number of their objects"
        " (Cui et al. 2019, arXiv:1901.05555); or a column of the dataset."
    )
    column: str = Field("", description="Name of that column, a scalar of the dataset.")
    beta: float = Field(0.999, ge=0, lt=1, description="Of the effective number: 0 weighs all classes alike.")
    most: float = Field(10.0, ge=1, description="Of the inverse density: the largest weight over the smallest.")

    @model_validator(mode="after")
    def _a_column_where_one_is_meant(self) -> ObjectWeights:
        if (self.by == "column") != bool(self.column):
            raise ValueError("'column' goes with 'by: column'; expected both, or none of them")
        return self


class Training(Settings):
    """How every network of a bake-off is trained."""

    preset: presets.Name | None = Field(
        None,
        description="Settings of a published study (`skybake/training/presets.py`); keys beside it replace the study's."
        " `training: published_clusters` alone is `{preset: published_clusters}`.",
    )
    backend: Literal["tensorflow", "jax"] = Field("tensorflow", description="Framework under Keras.")
    epochs: int = Field(
        40,
        ge=1,
        description="Epochs at most. With more of them a finished training goes on and gives the same bytes as all at"
        " once, if its schedule does not depend on their number, as `cosine` does; its log says why it starts anew.",
    )
    start_from: str | None = Field(
        None,
        description="A trained network to begin with: a run's folder (`results/other/d/runs/m/mse/seed-1`) or a"
        " `.keras` file, of the same model with the same parameters, bands and image size; `~` and `$VARIABLE` are"
        " replaced. Its head is taken where it fits; images, scalars and labels are scaled by the new training part."
        " All seeds begin with it. It may be a run of another bake-off of this config.",
    )
    freeze: list[str] = Field(
        [],
        description="With `start_from`: layers that stay as they are, by name or pattern: `[conv2d, 'batch_*']`; a name"
        " that is not there is refused with those that are.",
    )
    batch_size: int = Field(32, ge=1, description="Objects a step.")
    optimizer: AnyOptimizer = Field(
        Adam(), description="Optimizer with its parameters; a bare name takes the defaults."
    )
    schedule: AnySchedule = Field(  # type: ignore[assignment]  # a bare name is read as its block
        "constant",
        description="How the learning rate changes: a file of `skybake/training/schedules/`; a bare name takes the"
        " defaults.",
    )
    images: AnyStep = Field(  # type: ignore[assignment]
        "log",
        description="What is done to images, fitted on the training part: a file of `skybake/training/images/`; a bare"
        " name takes the defaults.",
    )
    crop: int | None = Field(
        None,
        ge=1,
        description="Side of the square in the middle of an image that a network sees [pixels]; by default all. What is"
        " done to images sees the whole.",
    )
    bands: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="Names of the bands that a network sees, in this order; by default all."
    )
    max_train_objects: int | None = Field(
        None,
        ge=1,
        description="Train on no more objects than so many of the training part, drawn with the seed of the split: the"
        " same for all seeds, and of a larger number too.",
    )
    shuffle: Literal["objects", "chunks"] = Field(
        "objects",
        description="Order of an epoch: all objects shuffled; or the file's chunks (of 64 objects), some at a time, and"
        " the objects of these among themselves, as it is done from disk.",
    )
    memory_limit_mb: float = Field(
        4000,
        gt=0,
        description="MB of images (float32) that a training keeps in memory; the framework takes about 1 GB beside"
        " them. A dataset with more is read from disk, anew in every epoch, and shuffled as with `shuffle: chunks`.",
    )
    augmentation: Literal["none", "flips", "flips_and_turns"] = Field(
        "none",
        description="Training images are mirrored, or mirrored and turned by quarters, at random in every epoch.",
    )
    object_weights: ObjectWeights | None = Field(
        None, description="Let some training objects count more: `{by: inverse_density}`."
    )
    backgrounds: Backgrounds | None = Field(
        None, description="See training objects again on backgrounds of other images: `{of: noise}`."
    )
    labels: Literal["none", "standardise"] = Field(
        "standardise", description="What is done to labels while training; predictions are always in the label's units."
    )
    early_stopping: EarlyStopping | None = Field(None, description="Stop early, or null to run all epochs.")
    weights: Literal["best", "last"] = Field(
        "best", description="Keep the weights of the epoch with the lowest validation loss, or the last ones."
    )
    l2: float = Field(
        0.0,
        ge=0,
        description="So many times the sum of the squared weights, without biases, is added to the loss, and to what is"
        " recorded of it. Weight decay is the optimizer's `weight_decay`.",
    )
    precision: Literal["float32", "mixed_bfloat16"] = Field("float32", description="Arithmetic of the network.")
    threads: int = Field(1, ge=1, description="Threads of the framework on a CPU; bits reproduce for one number.")
    checkpoint_seconds: float = Field(
        60.0,
        ge=0,
        description="Seconds between two savings of a training's state at least; it is saved at the end and on SIGTERM"
        " too. A training that dies otherwise goes on from the last one.",
    )
    tensorboard: bool = Field(
        False,
        description="Write the losses of every epoch for TensorBoard too: `tensorboard --logdir results`.",
    )
    device: Literal["auto", "gpu", "cpu", "any"] = Field(
        "auto",
        description="What it is computed on: a GPU where the job asked its cluster for one, and then it fails without,"
        " else what is there; a GPU in any case; never a GPU; or what is there, even where a GPU was asked for.",
    )

    @model_validator(mode="after")
    def _frozen_is_what_was_trained(self) -> Training:
        if self.freeze and self.start_from is None:
            raise ValueError("freeze goes with start_from: random weights would stay random")
        return self

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: Any) -> Any:
        return presets.in_full(cls.without_nulls(presets.as_block(given)))


AnyTraining = Annotated[Training, BeforeValidator(presets.as_block, json_schema_input_type=presets.Name | Training)]
SOME = Field(min_length=1, max_length=16)


class Occlusion(Settings):
    """How parts of an image are hidden, and what is told of it.

    The stamps study's recipe is `{patch: 5, stride: 1, fill: zero, normalise_again: true, measure: missing_probability,
    place: centre}`.
    """

    patch: int | None = Field(
        None, ge=1, description="Pixels a side of what is hidden; by default an eighth of the image's smaller side."
    )
    stride: int | None = Field(None, ge=1, description="Pixels from a patch to the next; by default half of its side.")
    fill: Literal["median", "zero"] = Field("median", description="What is there instead: the band's median, or zero.")
    normalise_again: bool = Field(
        False,
        description="Hide parts of the image as it is in the dataset, and prepare what is left for the network; else"
        " of the image as the network sees it. It differs where each image is scaled by itself.",
    )
    measure: Literal["fall", "missing_probability"] = Field(
        "fall",
        description="By how much the explained number falls; or, of classes, 1 less the probability of `of_class` that"
        " is left.",
    )
    of_class: int = Field(1, ge=0, description="Number of the class whose probability is told.")
    place: Literal["covered", "centre"] = Field(
        "covered",
        description="A pixel shows the mean over all patches on it; or what the patch around it gave, and the least of"
        " all where there is none, at the border.",
    )

    @model_validator(mode="after")
    def _a_centre_for_each_pixel(self) -> Occlusion:
        if self.place == "centre" and (self.patch is None or self.patch % 2 == 0 or self.stride != 1):
            raise ValueError(
                f"patch {self.patch} and stride {self.stride} found with place 'centre'; expected an odd patch and"
                " stride 1, so that each pixel is the centre of one"
            )
        return self


class Inside(Settings):
    """What is looked at inside the networks, of the first seed, on a few objects of the test part.

    With this block it is done with the rest; without it, `snakemake inside` does it with these defaults.
    """

    objects: int = Field(6, ge=1, le=16, description="Objects to choose at random.")
    seed: int = Field(0, ge=0, description="Seed of the choice.")
    ids: Annotated[list[str], SOME] | None = Field(None, description="Instead, the names of objects of the test part.")
    methods: list[Literal["occlusion", "saliency", "integrated_gradients", "grad_cam", "kernels"]] = Field(
        ["occlusion", "saliency", "integrated_gradients", "kernels"],
        min_length=1,
        description="Maps of what a prediction rests on, and the kernels of the first layer.",
    )
    occlusion: Occlusion = Field(Occlusion(), description="How `occlusion` hides parts of an image.")

    @field_validator("ids", mode="before", json_schema_input_type=Annotated[list[str | float], SOME] | None)
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        return [str(name) for name in given] if isinstance(given, list) else given  # YAML reads 12 as a number
