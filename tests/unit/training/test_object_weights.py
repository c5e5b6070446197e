"""How much each training object counts in the loss."""

from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from skybake import losses
from skybake.training import epochs, feeding, object_weights
from skybake.training.settings import ObjectWeights

MISSING = -9999.0


def test_rare_labels_count_more_and_the_mean_is_one():
    rng = np.random.default_rng(1)
    labels = np.concatenate([rng.normal(14, 0.1, 900), rng.normal(15, 0.1, 90), [MISSING] * 10])
    weights = object_weights.of(ObjectWeights(by="inverse_density", most=30), labels, None, classes=0)
    assert weights[:990].mean() == pytest.approx(1, rel=1e-5)
    assert (weights[990:] == 1).all()
    many, few = weights[:900][np.abs(labels[:900] - 14) < 0.05], weights[900:990][np.abs(labels[900:990] - 15) < 0.05]
    assert few.mean() / many.mean() == pytest.approx(10, rel=0.3)  # ten times as many, as narrow
    assert weights[:990].max() / weights[:990].min() <= 30 * 1.001


def test_classes_count_by_their_effective_number():
    labels = np.repeat([0.0, 1.0, 2.0], [900, 90, 10])
    weights = object_weights.of(ObjectWeights(by="effective_number", beta=0.99), labels, None, classes=3)
    expected = np.array([(1 - 0.99) / (1 - 0.99**n) for n in (900, 90, 10)])
    assert weights[[900, 990]] / weights[0] == pytest.approx(expected[1:] / expected[0], rel=1e-5)
    assert weights.mean() == pytest.approx(1, rel=1e-5)


def test_a_column_counts_as_it_is():
    column = np.array([1.0, 3.0, 0.0, np.nan])
    weights = object_weights.of(
        ObjectWeights(by="column", column="quality"), np.array([1.0, 2.0, 3.0, MISSING]), column, classes=0
    )
    assert weights == pytest.approx([0.75, 2.25, 0.0, 1.0])


@pytest.mark.parametrize(
    ("given", "classes", "column", "said"),
    [
        ({"by": "inverse_density"}, 2, None, "expected effective_number of classes"),
        ({"by": "effective_number"}, 0, None, "expected inverse_density of a number"),
        ({"by": "column", "column": "quality"}, 0, [1.0, -2.0], "column 'quality' has -2"),
        ({"by": "column", "column": "quality"}, 0, [0.0, 0.0], "and some above"),
    ],
)
def test_what_does_not_suit_is_said(given, classes, column, said):
    values = None if column is None else np.array(column)
    with pytest.raises(ValueError, match=said):
        object_weights.of(ObjectWeights(**given), np.array([0.0, 1.0]), values, classes=classes)


def test_a_column_goes_with_its_kind():
    with pytest.raises(ValidationError, match="'column' goes with"):
        ObjectWeights(by="column")


def test_a_step_is_that_of_the_weighted_loss_and_missing_labels_add_nothing():
    import keras

    rng = np.random.default_rng(2)
    n = 8
    images = rng.standard_normal((n, 1, 1, 1)).astype(np.float32)
    labels = rng.standard_normal((n, 1)).astype(np.float32)
    labels[3] = MISSING
    weights = rng.uniform(0, 3, n).astype(np.float32)
    dataset = SimpleNamespace(image_shape=(1, 1, 1), path="dataset.h5")

    def part(**more):
        return feeding.Subset(feeding.Images(dataset, np.arange(n), in_memory=images.copy()), labels, **more)

    image = keras.Input((1, 1, 1), name="image")
    dense = keras.layers.Dense(1, kernel_initializer="ones")
    model = keras.Model({"image": image}, dense(keras.layers.Flatten()(image)))
    model.compile(keras.optimizers.SGD(0.1), losses.get("mse"))
    model.optimizer.build(model.trainable_variables)
    logs = []
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, found: logs.append(found))
    epochs.train_epochs(model, epochs.Parts(part(weights=weights), part(), n, 1), [told], range(1))
    x, y = images[:, 0, 0, 0], labels[:, 0]
    known = np.arange(n) != 3
    slope = np.sum((weights * 2 * (x - y) * x)[known]) / n
    shift = np.sum((weights * 2 * (x - y))[known]) / n
    kernel, bias = (np.asarray(value) for value in dense.get_weights())
    assert kernel[0, 0] == pytest.approx(1 - 0.1 * slope, rel=1e-5)
    assert bias[0] == pytest.approx(-0.1 * shift, rel=1e-4)
    after = kernel[0, 0] * x + bias[0] - y
    assert logs[0]["val_loss"] == pytest.approx(np.sum(after[known] ** 2) / n, rel=1e-5)  # all alike
