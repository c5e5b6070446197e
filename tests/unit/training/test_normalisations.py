"""The stamps' normalisations against their formulas, one stamp at a time."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from skybake.settings import one_of
from skybake.training import images as image_steps
from skybake.training.images import _percentiles
from skybake.training.settings import Training

UNIT_SUM, ROBUST = "sigma_g_unit_sum", "robust"


def stamps(n=9, bands=2, seed=0):
    """Return noise with a source of growing brightness, each band on another level: (n, 21, 21, bands)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:21, :21] - 10.0
    source = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)[None, :, :, None]
    noise = rng.normal(size=(n, 21, 21, bands)) + 100 * np.arange(bands)
    return (noise + 5 * np.arange(n)[:, None, None, None] * source).astype(np.float32)


def fitted(name, images):
    """Return a step, fitted."""
    return image_steps.fit(Training(images=name).images, images)


def applied(name, images):
    """Return what a network would see; the images are left as they are."""
    return fitted(name, images).apply(images.copy())


def reference(stamp):
    """The stamp reference's normalisation of one stamp, in double precision."""
    stamp = stamp.astype(np.float64)
    low, median, high = np.percentile(stamp, [25, 50, 75])
    clipped = np.maximum(stamp, median - 2 * 0.7413 * (high - low))
    shifted = clipped - clipped.min()
    return shifted / shifted.sum()


def test_unit_sum_is_its_formula():
    images = stamps()
    found = applied(UNIT_SUM, images)
    assert found.dtype == np.float32
    for stamp, ours in zip(images, found, strict=True):
        for band in range(2):
            assert ours[..., band] == pytest.approx(reference(stamp[..., band]), rel=1e-3, abs=1e-7)
    assert found.sum(axis=(1, 2)) == pytest.approx(np.ones((9, 2)), rel=1e-5)
    assert found.min() == 0


def test_what_is_clipped_has_no_say():
    images = stamps(1, 1)
    low = images.copy()
    low[0, 3, 4, 0] = -1e4
    high = images.copy()
    high[0, 3, 4, 0] = -1e7
    assert np.array_equal(applied(UNIT_SUM, low), applied(UNIT_SUM, high))


def test_robust_is_its_formula():
    images = stamps()
    found = applied(ROBUST, images)
    for stamp, ours in zip(images.astype(np.float64), found, strict=True):
        for band in range(2):
            low, median, high = np.percentile(stamp[..., band], [25, 50, 75])
            assert ours[..., band] == pytest.approx((stamp[..., band] - median) / (0.7413 * (high - low)), abs=1e-3)
    assert found.dtype == np.float32
    # of pure noise the median is 0 and the spread 1, on whatever level it was
    assert np.median(found[0], axis=(0, 1)) == pytest.approx([0, 0], abs=1e-6)
    assert found[0].std(axis=(0, 1)) == pytest.approx([1, 1], abs=0.1)


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
@pytest.mark.parametrize("level", [0.0, 7.0, -3.0, 1e30])
def test_a_stamp_without_contrast_becomes_zero_and_never_nan(name, level):
    images = stamps(3)
    images[1] = level
    found = applied(name, images)
    assert np.isfinite(found).all()
    assert not found[1].any()
    assert np.array_equal(found[[0, 2]], applied(name, images[[0, 2]]))  # each image by itself


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_one_pixel_on_a_flat_stamp_stays_finite(name):
    images = np.zeros((1, 21, 21, 1), np.float32)
    images[0, 5, 6, 0] = 10.0
    found = applied(name, images)
    assert np.isfinite(found).all()
    assert found[0, 5, 6, 0] == pytest.approx(1.0 if name == UNIT_SUM else 10 / images.std(), rel=1e-5)
    assert np.count_nonzero(found) == 1


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_blocks_make_no_difference(name, monkeypatch):
    images = stamps(10)
    whole = applied(name, images)
    monkeypatch.setattr(_percentiles, "AT_ONCE", 3)
    assert np.array_equal(applied(name, images), whole)


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_scale_and_level_do_not_matter_and_nothing_is_fitted(name):
    images = stamps()
    assert applied(name, 3 * images) == pytest.approx(applied(name, images), rel=1e-3, abs=1e-4)
    assert fitted(name, images) == fitted(name, images[:2])
    assert fitted(name, images).as_dict() == {"name": name}


@pytest.mark.parametrize("name", sorted(image_steps.steps()))
def test_a_step_read_back_from_the_run_record_is_the_same(name):
    step = fitted(name, stamps())
    again = image_steps.FittedStep.of_dict(json.loads(json.dumps(step.as_dict())))
    assert again.options == step.options
    assert np.array_equal(again.apply(stamps()), step.apply(stamps()))
    assert step.apply(stamps()).dtype == np.float32


def test_an_unknown_step_of_a_run_record_is_told():
    with pytest.raises(ValueError, match="image step 'lg' found; expected one of log, none"):
        image_steps.FittedStep.of_dict({"name": "lg"})


TEMPLATE = '''"""Pixels to a power."""

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.training.images._step import Step


class Options(Step):
    """Pixels over the brightest one, to a power."""

    name: Literal["power"]
    gamma: float = Field(0.5, gt=0, le=1, description="The power.")


def fit(images, options):
    return {"brightest": np.max([block.max(axis=(0, 1, 2)) for block in images.blocks()], axis=0)}


def apply(images, options, *, brightest):
    return (np.maximum(images / brightest, 0) ** options.gamma).astype(np.float32)


def symbolic(images, options, *, brightest):
    from keras import ops

    return ops.maximum(images / brightest.astype(np.float32), 0) ** options.gamma
'''


def test_a_file_is_enough_for_a_step(new_plugin):
    new_plugin("training/images", "power", TEMPLATE)
    block = TypeAdapter(one_of("training/images", "apply", tag="name", usual="power"))
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        block.validate_python({"gamma": 2})
    step = image_steps.fit(block.validate_python({"name": "power", "gamma": 0.25}), stamps())
    facts = json.loads(json.dumps(step.as_dict()))
    assert facts == {"name": "power", "gamma": 0.25, "brightest": stamps().max(axis=(0, 1, 2)).tolist()}
    again = image_steps.FittedStep.of_dict(facts)
    assert again.options.gamma == 0.25
    assert np.array_equal(again.apply(stamps()), step.apply(stamps()))
    assert step.apply(stamps()).max() == 1
