"""The optimizers of Keras that a config may name, with their parameters, as Keras has them.

Written out, since the Snakefile checks a config and imports no Keras; a test compares them with ``keras.optimizers``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skybake.settings import Settings, ShortForms

_Decay = Annotated[float, Field(ge=0, lt=1)]
_NotNegative = Annotated[float, Field(ge=0)]
_Positive = Annotated[float, Field(gt=0)]


class Optimizer(Settings):
    """What every optimizer has."""

    name: str
    learning_rate: _Positive = Field(1e-3, description="Step size.")
    weight_decay: _NotNegative | None = Field(
        None, description="Share of a weight that each step takes off, times the learning rate."
    )
    clipnorm: _Positive | None = Field(None, description="Longest gradient of one weight array.")
    global_clipnorm: _Positive | None = Field(None, description="Longest gradient of all weights together.")
    clipvalue: _Positive | None = Field(None, description="Largest component of a gradient.")

    @model_validator(mode="after")
    def _one_way_to_clip(self) -> Optimizer:
        given = [name for name in ("clipnorm", "global_clipnorm", "clipvalue") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"gradients are clipped in one way; expected one of {' and '.join(given)}")
        return self


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""

    name: Literal["adam"] = "adam"
    beta_1: _Decay = Field(0.9, description="Decay of the first moment.")
    beta_2: _Decay = Field(0.999, description="Decay of the second moment.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the second moment.")
    amsgrad: bool = Field(False, description="The largest second moment so far (Reddi et al. 2018, arXiv:1904.09237).")


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

    name: Literal["adamw"]
    weight_decay: _NotNegative = Field(
        0.004, description="Share of a weight that each step takes off, times the learning rate."
    )
    beta_1: _Decay = Field(0.9, description="Decay of the first moment.")
    beta_2: _Decay = Field(0.999, description="Decay of the second moment.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the second moment.")
    amsgrad: bool = Field(False, description="The largest second moment so far (Reddi et al. 2018, arXiv:1904.09237).")


class Adamax(Optimizer):
    """Adam with the maximum norm (Kingma & Ba 2015, arXiv:1412.6980, section 7)."""

    name: Literal["adamax"]
    beta_1: _Decay = Field(0.9, description="Decay of the first moment.")
    beta_2: _Decay = Field(0.999, description="Decay of the maximum norm.")
    epsilon: _Positive = Field(1e-7, description="Added to the norm.")


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016, ICLR workshop)."""

    name: Literal["nadam"]
    beta_1: _Decay = Field(0.9, description="Decay of the first moment.")
    beta_2: _Decay = Field(0.999, description="Decay of the second moment.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the second moment.")


class Lamb(Optimizer):
    """Adam with a rate of its own for each layer (You et al. 2020, arXiv:1904.00962)."""

    name: Literal["lamb"]
    beta_1: _Decay = Field(0.9, description="Decay of the first moment.")
    beta_2: _Decay = Field(0.999, description="Decay of the second moment.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the second moment.")


class Lion(Optimizer):
    """Lion, which steps by the sign of the momentum (Chen et al. 2023, arXiv:2302.06675)."""

    name: Literal["lion"]
    beta_1: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="Share of the momentum in a step.")
    beta_2: _Decay = Field(0.99, description="Decay of the momentum.")


class SGD(Optimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    learning_rate: _Positive = Field(1e-2, description="Step size.")
    momentum: _Decay = Field(0.0, description="Momentum.")
    nesterov: bool = Field(False, description="Nesterov's form of the momentum.")


class RMSprop(Optimizer):
    """RMSprop."""

    name: Literal["rmsprop"]
    rho: _Decay = Field(0.9, description="Decay of the mean square.")
    momentum: _Decay = Field(0.0, description="Momentum.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the mean square.")
    centered: bool = Field(False, description="The variance in place of the mean square.")


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011, J. Mach. Learn. Res. 12, 2121)."""

    name: Literal["adagrad"]
    initial_accumulator_value: _NotNegative = Field(0.1, description="Sum of squares at the beginning.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of the sum of squares.")


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, arXiv:1212.5701); its paper has a learning rate of 1."""

    name: Literal["adadelta"]
    rho: _Decay = Field(0.95, description="Decay of the mean square.")
    epsilon: _Positive = Field(1e-7, description="Added to the mean squares.")


class Adafactor(Optimizer):
    """Adafactor, with little memory (Shazeer & Stern 2018, arXiv:1804.04235)."""

    name: Literal["adafactor"]
    beta_2_decay: Annotated[float, Field(lt=0)] = Field(-0.8, description="Power of the step that the decay follows.")
    epsilon_1: _Positive = Field(1e-30, description="Added to squared gradients.")
    epsilon_2: _Positive = Field(1e-3, description="Least size of a weight array.")
    clip_threshold: _Positive = Field(1.0, description="Largest root mean square of a step.")
    relative_step: bool = Field(True, description="No larger learning rate than 1 over the root of the step.")


class Ftrl(Optimizer):
    """Follow the regularised leader (McMahan et al. 2013, KDD)."""

    name: Literal["ftrl"]
    learning_rate_power: Annotated[float, Field(le=0)] = Field(
        -0.5, description="Power of the sum of squares that the rate follows."
    )
    initial_accumulator_value: _NotNegative = Field(0.1, description="Sum of squares at the beginning.")
    l1_regularization_strength: _NotNegative = Field(0.0, description="Weight of the sum of absolute weights.")
    l2_regularization_strength: _NotNegative = Field(0.0, description="Weight of the sum of squared weights.")
    l2_shrinkage_regularization_strength: _NotNegative = Field(
        0.0, description="The same, in the gradient and not in the sum of squares."
    )
    beta: _NotNegative = Field(0.0, description="Added to the root of the sum of squares.")


class Muon(Optimizer):
    """Muon for matrices (Jordan et al. 2024, kellerjordan.github.io/posts/muon) and Adam for the rest."""

    name: Literal["muon"]
    weight_decay: _NotNegative | None = Field(
        0.004, description="Share of a matrix that each step takes off, times the learning rate."
    )
    momentum: _Decay = Field(0.95, description="Momentum.")
    nesterov: bool = Field(True, description="Nesterov's form of the momentum.")
    ns_steps: int = Field(5, ge=1, description="Iterations that make a step orthogonal.")
    muon_a: float = Field(3.4445, description="First coefficient of an iteration.")
    muon_b: float = Field(-4.775, description="Second coefficient.")
    muon_c: float = Field(2.0315, description="Third coefficient.")
    rms_rate: _NotNegative | None = Field(0.2, description="Root mean square of a step; null for none in particular.")
    exclude_layers: list[str] | None = Field(None, description="Patterns of paths of weights that Adam trains.")
    exclude_embeddings: bool = Field(True, description="Adam trains embeddings.")
    adam_lr_ratio: _Positive = Field(1, description="Adam's learning rate over that of matrices.")
    adam_beta_1: _Decay = Field(0.9, description="Adam's decay of the first moment.")
    adam_beta_2: _Decay = Field(0.999, description="Adam's decay of the second moment.")
    adam_weight_decay: _NotNegative | None = Field(0.004, description="Adam's weight decay.")
    epsilon: _Positive = Field(1e-7, description="Added to the root of Adam's second moment.")


AnyOptimizer = Annotated[
    Adam | AdamW | Adamax | Nadam | Lamb | Lion | SGD | RMSprop | Adagrad | Adadelta | Adafactor | Ftrl | Muon,
    Field(discriminator="name"),
    ShortForms("name", usual="adam"),
]
