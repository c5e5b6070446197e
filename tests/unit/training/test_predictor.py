"""A network with all that is done before and after it: the numbers of training and judging, wherever it is loaded."""

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from skybake import heads, losses, plugins
from skybake.heads._together import Together
from skybake.inputs import Inputs
from skybake.results import distributions, ensembles
from skybake.testing import _labels, images
from skybake.training import images as image_steps
from skybake.training import preprocessing
from skybake.training.ensemble import build_ensemble
from skybake.training.predictor import LEVELS, build_predictor, students_quantiles
from skybake.training.prepared import Prepared
from skybake.training.saving import save

SCALE, SHIFT = 0.7, 14.0
N = 9
MISSING = np.array([0.5, -0.25])
SCALARS = preprocessing.Affine(np.array([0.3, 20.0]), np.array([0.2, 1.5]))
KINDS = {"redshift": "redshift", "S/N": "magnitude"}
AS_GIVEN = Inputs(("redshift", "S/N"), kinds=KINDS)
DERIVED = Inputs(("ln_z", "ratio"), {"ln_z": "ln(redshift)", "ratio": "asinh(`S/N`) / redshift - 2"}, KINDS)
NAN = 4  # the object without an image
SEEDS = (1, 2, 3)  # of ensembles
ALONE = textwrap.dedent(
    """
    import sys
    sys.modules["skybake"] = None  # the environment may know where it lies: nothing imports it here
    import keras, numpy as np
    given = dict(np.load("given.npz"))
    for name in sys.argv[2:]:
        found = keras.saving.load_model(f"{name}.keras")(given)
        np.savez(f"{name}-{sys.argv[1]}.npz", **{key: keras.ops.convert_to_numpy(item) for key, item in found.items()})
    """
)


def fitted_heads():
    """Return name -> fitted head, one of each, and both forms of those with two."""
    found = {}
    for loss in plugins.losses().values():
        if not loss.faults:
            head = _labels.fitted(loss)[1]
            found.setdefault(f"{loss.constants['head']}-{head.activation or 'linear'}", head)
    return found


def network(shape, head):
    inputs = {"image": keras.Input(shape, name="image"), "scalars": keras.Input((2,), name="scalars")}
    x = keras.layers.Dense(6, activation="tanh")(keras.layers.Flatten()(inputs["image"]))
    x = keras.layers.Concatenate()([x, inputs["scalars"]])
    made = keras.Model(inputs, keras.layers.Dense(head.width, head.activation, dtype="float32", name="head")(x))
    made.get_layer("head").bias.assign(head.bias)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a predictor of every head, and of every image step, and let both frameworks predict without skybake."""
    where = tmp_path_factory.mktemp("predictors")
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    stamps = images.stamps()
    raw = {"image": stamps[:N].copy(), "redshift": np.linspace(0.1, 0.9, N), "S/N": np.linspace(18, 24, N)}
    raw["redshift"][2], raw["S/N"][3], raw["image"][NAN] = -9999, np.nan, np.nan
    raw["redshift"][5], raw["S/N"][6] = 99, 99  # which are no redshift and no magnitude
    z, magnitude = raw["redshift"].copy(), raw["S/N"].copy()
    z[[2, 5]], magnitude[[3, 6]] = np.nan, np.nan
    np.savez(where / "given.npz", **{name: values.astype(np.float32) for name, values in raw.items()})
    steps = {name: image_steps.fit(part.load().Options(name=name), stamps.copy()) for name, part in STEPS.items()}
    cases = {name: (steps["log"], head) for name, head in HEADS.items()}
    cases |= {f"step-{name}": (step, HEADS["gaussian-linear"]) for name, step in steps.items()}
    cases["derived"] = (steps["log"], HEADS["gaussian-linear"])
    for name, (step, head) in cases.items():
        made = network(stamps.shape[1:], head)
        classes = tuple(f"kind {number}" for number in range(classes_of(head)))
        target = preprocessing.Affine(np.array([SHIFT]), np.array([SCALE]))
        inputs = DERIVED if name == "derived" else AS_GIVEN
        prepared = Prepared({}, step, SCALARS, target, MISSING, inputs, classes)
        predictor = build_predictor(made, prepared, Together((head,)))
        made.compile("sgd", losses.get("mse"))  # as in training
        save(predictor, where / f"{name}.keras")
        if name in HEADS:
            members = [predictor] + [
                build_predictor(network(stamps.shape[1:], head), prepared, Together((head,))) for _ in "23"
            ]
            keras.utils.clear_session()  # names begin anew, as in the process that joins seeds
            save(build_ensemble(members, records(head)), where / f"ensemble-{name}.keras")
        columns = (np.log(z), np.arcsinh(magnitude) / z - 2) if name == "derived" else (z, magnitude)
        scalars = SCALARS.apply(np.column_stack(columns), MISSING)
        seen = {"image": step.apply(raw["image"].copy()), "scalars": scalars}
        np.save(where / f"{name}.npy", keras.ops.convert_to_numpy(made(seen)))
        if name in HEADS:
            each = [next(layer for layer in one.layers if isinstance(layer, keras.Model)) for one in members]
            outputs = [one([seen[tensor.name] for tensor in one.inputs]) for one in each]
            np.save(where / f"ensemble-{name}.npy", [keras.ops.convert_to_numpy(one) for one in outputs])
    cases |= dict.fromkeys(f"ensemble-{name}" for name in HEADS)
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend}
        environment.pop("PYTHONPATH", None)
        subprocess.run([sys.executable, "-c", ALONE, backend, *cases], check=True, cwd=where, env=environment)
    return where


def records(head):
    """Return what the runs of an ensemble say of their networks."""
    told = {"model": "small", "preprocessing": {}, "targets": {"mean": [SHIFT], "std": [SCALE]}, "classes": ()}
    if classes_of(head):
        told["classes"] = tuple(f"kind {number}" for number in range(classes_of(head)))
    return [SimpleNamespace(seed=seed, fitted_head=heads.as_dict(head), **told) for seed in SEEDS]


def classes_of(head):
    found = head.prediction(np.zeros((1, head.width))).classes
    return 0 if found is None else found.shape[1]


HEADS = fitted_heads()
STEPS = image_steps.steps()


def expected_of(name, folder, rest):
    """Return the prediction of a case, and what else its predictor gives."""
    head = HEADS.get(name.removeprefix("ensemble-"), HEADS["gaussian-linear"])
    outputs = np.load(folder / f"{name}.npy").astype(np.float64)
    if outputs.ndim == 2:
        return head, head.prediction(outputs[rest]).rescaled(SCALE, SHIFT), {}
    each = [head.prediction(one[rest]).rescaled(SCALE, SHIFT) for one in outputs]
    together = ensembles.mean(each)
    values = np.stack([one.point for one in each])
    if together.classes is not None:
        values = np.stack([one.classes[np.arange(len(one)), together.point.astype(int)] for one in each])
    return head, together, {"spread": values.std(axis=0, ddof=1)}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize(
    "name",
    [*HEADS, *(f"step-{name}" for name in STEPS), "derived", *(f"ensemble-{name}" for name in HEADS)],
)
def test_numbers_are_those_of_training(name, backend, folder):
    found = dict(np.load(folder / f"{name}-{backend}.npz"))
    assert all(np.isnan(values[NAN]).all() for values in found.values())
    rest = np.arange(N) != NAN
    head, expected, more = expected_of(name, folder, rest)
    within = SCALE * (1e-5 if backend == "tensorflow" else 1e-3)
    told = {item: getattr(expected, item) for item in ("point", "std", "probabilities")} | more
    if expected.edges is not None:
        told["edges"] = np.broadcast_to(expected.edges, (len(expected), len(expected.edges)))
    for number in range(classes_of(head)):
        told[f"probability_kind {number}"] = expected.class_probabilities[:, number]
    distribution = distributions.of(expected)
    quantiles = None if distribution is None else distribution.quantile(LEVELS)
    assert set(found) == {item for item, values in (told | {"quantiles": quantiles}).items() if values is not None}
    for item, values in told.items():
        if values is not None:
            np.testing.assert_allclose(found[item][rest], values, rtol=0, atol=within, err_msg=item)
    if quantiles is not None:
        off = np.abs(found["quantiles"][rest] - quantiles) / np.maximum(expected.std, 0.01 * SCALE)[:, None]
        assert off.max() < 1e-3


def test_every_head_and_step_is_here():
    assert {name.partition("-")[0] for name in HEADS} == set(heads.HEADS)
    assert len(STEPS) >= 6


def test_a_wrong_shape_is_an_error_of_keras(folder):
    predictor = keras.saving.load_model(folder / "point-linear.keras")
    given = {
        name: values[:, :5] if name == "image" else values for name, values in np.load(folder / "given.npz").items()
    }
    with pytest.raises(ValueError, match=r"incompatible|[Ss]hape"):
        predictor(given)
    with pytest.raises(ValueError, match="redshift"):
        predictor({"image": np.load(folder / "given.npz")["image"]})


def test_quantiles_of_students_t():
    from scipy import stats

    for dof in (2.5, 5.0, 30.0):
        expected = stats.t(dof).ppf(LEVELS) * np.sqrt(1 - 2 / dof)
        np.testing.assert_allclose(students_quantiles(dof), expected, atol=1e-5)
