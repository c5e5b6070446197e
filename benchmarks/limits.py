"""Whether the limits of simulated surveys are right: each by a second method.

    python benchmarks/limits.py clusters [--objects 12] [--steps 12000]
    python benchmarks/limits.py network [--objects 40000]
    python benchmarks/limits.py stamps [--objects 4000]
    python benchmarks/limits.py galaxies [--objects 600]

*Clusters*: the Cramer-Rao bound with point sources known, beside the posterior of Markov chains with the full forward
model: Poisson likelihood of every pixel and band, mass function and all scatters as they are drawn. *Network*: the line
of clusters with point sources unknown, beside what networks reach that learnt from so many. *Stamps*: the ideal
observer with a bank of other shapes, twice as many; whether its probabilities are frequencies; and the observer that
knows the source, beside the matched filter in closed form. *Galaxies*: the error that the posterior promises, beside
the one that its best estimates make on galaxies drawn anew.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from skybake.data.limit import Truth, read_truth
from skybake.evaluation.bootstrap import Bootstrap, resample
from skybake.mock import decam, efeds, sdss
from skybake.mock.efeds import cramer_rao
from skybake.mock.efeds.halos import SCATTER_CORRELATION, Halos, Views, density_grid, draw_gas, take
from skybake.mock.efeds.maps import PIXELS, cluster_counts, diffuse
from skybake.mock.efeds.spectra import point_source_rates
from skybake.mock.sdss import posterior
from skybake.raw.efeds.images import BAND_EDGES
from skybake.settings import Settings
from skybake.training import backend

SEED = 501


PART, EPOCHS = 4000, 30  # clusters of one mock survey, whose images fit in memory; of networks that learn from many


def truth_of(simulator: ModuleType, options: Settings) -> Truth:
    """Simulate a survey; return what was drawn of all its objects."""
    with tempfile.TemporaryDirectory() as folder:
        return simulated(simulator, options, Path(folder))


def simulated(simulator: ModuleType, options: Settings, folder: Path) -> Truth:
    """Simulate a survey in a folder; return what was drawn of all its objects."""
    raw = {name: folder / file for name, file in simulator.RAW_FILES.items()}
    truth = folder / "truth.npz"
    simulator.simulate({**raw, "truth": truth}, options)
    with np.load(truth) as file:
        ids = list(file["id"])
    return read_truth(truth, ids)


# --- clusters --------------------------------------------------------------------------------------------------------


class Cluster:
    """One image: its counts, and how likely latents are, given as steps from those that were drawn."""

    def __init__(self, truth: Truth, row: int, options: efeds.Options, rng: np.random.Generator):
        self.options = options
        self.halos, self.views = cramer_rao.drawn(truth, slice(row, row + 1))
        self.points = truth["points"][row]
        self.counts = rng.poisson(self.expected(self.halos, self.views))
        grid = density_grid()
        edges = grid[1]
        place = np.searchsorted(grid[0], self.halos.redshift[0], side="right") - 1
        self.mass_function = (edges[1:] + edges[:-1]) / 2, np.log(grid[2][place])
        usual = draw_gas(
            np.random.default_rng(0),
            self.halos.log10_mass,
            self.halos.redshift,
            options.model_copy(update={"luminosity_scatter": 0.0, "temperature_scatter": 0.0}),
        )
        gas = [
            np.log10(getattr(self.halos, name) / getattr(usual, name))[0] / getattr(options, f"{name}_scatter")
            for name in ("luminosity", "temperature")
        ]
        self.gas = np.array([*gas, (self.halos.cusp[0] - 0.6) / 0.45])
        self.precision = np.linalg.inv(SCATTER_CORRELATION)
        halo, view = take(self.halos, 0), take(self.views, 0)
        self.start = {
            **{"metals": np.log10(halo.metals), "core": np.log10(halo.core / 0.2), "beta": halo.beta - 0.65},
            **{
                "axis_ratio": halo.axis_ratio - 0.8,
                "exposure": np.log(view.exposure / options.exposure) + 0.5 * 0.15**2,
            },
            **{"column": np.log(view.column / 3), "background": np.log(view.background), "dx": view.dx, "dy": view.dy},
        }

    def expected(self, halos: Halos, views: Views) -> np.ndarray:
        """Return the counts (50, 50, bands)."""
        sky = self.points[..., None] * (point_source_rates() * views.exposure[0])
        return cluster_counts(halos, views)[0] + diffuse(views, self.options)[0] + sky

    def log_posterior(self, steps: np.ndarray) -> float:
        """Return ln of the posterior at latents (14,) so far from those that were drawn, up to a constant."""
        offset = dict(zip(cramer_rao.STEPS, steps, strict=True))
        mass = self.halos.log10_mass[0] + offset["mass"]
        if not self.mass_function[0][0] <= mass <= self.mass_function[0][-1]:
            return -np.inf
        gas = self.gas + steps[1:4]
        prior = np.interp(mass, *self.mass_function) - 0.5 * gas @ self.precision @ gas
        for name, start in self.start.items():
            prior -= 0.5 * ((start + offset[name]) / cramer_rao.SCATTER[name]) ** 2
        halos, views = self.halos, self.views
        for name, step in offset.items():
            halos, views = cramer_rao.moved(halos, views, name, step, self.options)
        halos = replace(halos, axis_ratio=np.clip(halos.axis_ratio, 0.4, 1), beta=np.clip(halos.beta, 0.5, 0.85))
        mean = self.expected(halos, views)
        return float(prior + (self.counts * np.log(mean) - mean).sum())


def chain(cluster: Cluster, covariance: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return masses (steps,) of a Metropolis chain whose first fifth is left out."""
    jump = np.linalg.cholesky(covariance) * 2.0 / np.sqrt(len(covariance))
    here, masses = np.zeros(len(covariance)), np.empty(steps)
    value = cluster.log_posterior(here)
    for place in range(steps):
        there = here + jump @ rng.normal(size=len(here))
        other = cluster.log_posterior(there)
        if np.log(rng.random()) < other - value:
            here, value = there, other
        masses[place] = here[0]
    return masses[steps // 5 :]


def clusters(objects: int, steps: int) -> None:
    """Print the bound of some clusters beside the scatter of their chains."""
    options = efeds.Options(n_clusters=max(objects, 300), seed=SEED)
    truth = truth_of(efeds, options)
    for line in efeds.limit(options, truth):
        print(f"{line.name}: {np.sqrt(np.mean(line.values**2)):.4f} dex, root mean square of {len(line.values)}")
    rng = np.random.default_rng(SEED)
    bounds, chains = np.empty(objects), np.empty(objects)
    for row in range(objects):
        covariance = cramer_rao.covariances(options, truth, slice(row, row + 1))[0, 1]
        masses = chain(Cluster(truth, row, options, rng), covariance, steps, rng)
        bounds[row], chains[row] = np.sqrt(covariance[0, 0]), masses.std()
        halves = [part.std() for part in np.array_split(masses, 2)]
        print(f"  {row}: bound {bounds[row]:.4f}, chain {chains[row]:.4f}, its halves {halves[0]:.4f} {halves[1]:.4f}")
    found = [np.sqrt(np.mean(np.square(values))) for values in (bounds, chains)]
    print(f"point sources known, {objects} clusters: bound {found[0]:.4f}, chains {found[1]:.4f} dex", flush=True)


def network(objects: int) -> None:
    """Print the line with point sources unknown beside the error of networks that learnt from many clusters.

    They see rings of every band, whole and without the brighter half of their sectors. A fifth of the surveys is
    tested, the rest trained on.
    """
    backend.start("tensorflow", threads=1, precision="float32", device="cpu")
    import keras

    from skybake.models import aperture

    image = keras.Input((PIXELS, PIXELS, len(BAND_EDGES) - 1))
    sums = [
        keras.Model(image, keras.Model(image, features).get_layer("stretch").input)
        for features in (aperture.build(image, groups=len(BAND_EDGES) - 1, sectors=sectors) for sectors in (0, 8))
    ]
    truths, seen = [], []
    for part in range(max(objects // PART, 5)):
        options = efeds.Options(n_clusters=PART, seed=SEED + part)
        with tempfile.TemporaryDirectory() as folder:
            truths.append(simulated(efeds, options, Path(folder)))
            images = pickle.loads((Path(folder) / efeds.RAW_FILES["images"]).read_bytes())["gsm_3dImgs"]
        images = (images - images.mean(axis=(0, 1, 2))) / images.std(axis=(0, 1, 2))
        seen.append(np.concatenate([one.predict(images, batch_size=100, verbose=0) for one in sums], axis=1))
    tested = len(seen) // 5
    mass, redshift = (np.stack([truth[f"halo/{key}"] for truth in truths]) for key in ("log10_mass", "redshift"))
    scalars = np.stack([redshift, np.log(redshift)], axis=-1)
    scalars = (scalars - scalars.mean(axis=(0, 1))) / scalars.std(axis=(0, 1))
    x = np.concatenate([seen, scalars], axis=-1).astype("float32")
    others = x[tested:].reshape(-1, x.shape[-1]), mass[tested:].ravel()
    learnt = [_learnt(*others, seed) for seed in (1, 2)]
    x, mass = x[:tested].reshape(-1, x.shape[-1]), mass[:tested].ravel()
    squares = (np.mean([one(x) for one in learnt], axis=0) - mass) ** 2
    for line in efeds.limit(options, {key: values[:1000] for key, values in truths[0].items()}):
        print(f"{line.name}: {np.sqrt(np.mean(line.values**2)):.4f} dex, root mean square of {len(line.values)}")
    halos = np.concatenate([truth["halo/id"] + part * 10**9 for part, truth in enumerate(truths[:tested])])
    means = resample(squares, {"mean": lambda drawn: drawn.mean(axis=-1)}, Bootstrap(500, groups=halos))["mean"]
    low, high = np.sqrt(np.quantile(means, (0.025, 0.975)))
    print(
        f"two networks together, {len(seen) - tested} surveys of {PART} to learn from, {tested} tested:"
        f" {np.sqrt(squares.mean()):.4f} dex ({low:.4f}-{high:.4f})"
    )


def _learnt(x: np.ndarray, mass: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return what predicts masses (n,) of sums and two scalars (n, F), after training on others."""
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    usual = mass.mean(), mass.std()
    given = keras.Input(x.shape[1:])
    gain = keras.initializers.Constant([0.1] * (x.shape[1] - 2) + [1.0] * 2)
    linear = ops.arcsinh(layers.EinsumDense("bi,i->bi", x.shape[1], bias_axes="i", kernel_initializer=gain)(given))
    bent = linear
    for units in (128, 64):
        bent = layers.Dropout(0.05)(layers.Dense(units, activation="gelu")(bent))
    model = keras.Model(given, layers.Dense(1)(layers.Concatenate()([linear, bent])))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(x) // 64))
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(x, (mass - usual[0]) / usual[1], 64, EPOCHS, verbose=0)
    return lambda of: model.predict(of, batch_size=1000, verbose=0)[:, 0] * usual[1] + usual[0]


# --- stamps ----------------------------------------------------------------------------------------------------------


def stamps(objects: int) -> None:
    """Print what the observers reach, with two banks of shapes, and whether probabilities are frequencies."""
    from sklearn.metrics import roc_auc_score

    options = decam.Options(n_sources=objects // 2, n_noise=objects // 2, seed=SEED)
    truth = truth_of(decam, options)
    y, snr = truth["class"] == 1, truth["snr"]

    def told(name: str, p: np.ndarray) -> None:
        cut = np.quantile(p[~y], 0.99)
        loss = -np.log(np.clip(np.where(y, p, 1 - p), 1e-12, 1)).mean()
        faint, bright = ((p > cut)[chosen].mean() for chosen in (snr < 5, snr >= 5))
        print(
            f"{name}: AUC {roc_auc_score(y, p):.4f}, accuracy {np.mean((p > 0.5) == y):.4f}, log loss {loss:.4f},"
            f" completeness at 1 % false positives {faint:.3f} (S/N below 5), {bright:.4f} (above)"
        )

    lines = decam.limit(options, truth)
    for line in lines:
        told(line.name, line.values)
    decam.observer.SHAPES *= 2
    told("twice as many shapes", decam.limit(options.model_copy(update={"seed": SEED + 1}), truth)[0].values)
    known = snr[y]
    auc, accuracy = stats.norm.cdf(known / np.sqrt(2)).mean(), stats.norm.cdf(known / 2).mean()
    print(f"matched filter in closed form: AUC {auc:.4f}, accuracy {accuracy:.4f}")
    p = lines[0].values
    for low, high in ((0.01, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99)):
        here = (p >= low) & (p < high)
        print(
            f"  probability {low:g} to {high:g}: {here.sum()} stamps, mean {p[here].mean():.3f}, {y[here].mean():.3f}"
        )


# --- galaxies --------------------------------------------------------------------------------------------------------


def galaxies(objects: int) -> None:
    """Print the error that is promised, and that of best estimates, by the size of the library."""
    rng = np.random.default_rng(SEED)
    options = sdss.Options()
    drawn = sdss._sample(rng, objects, options.red_fraction)
    flux, error = sdss._fluxes(*sdss._measured(rng, drawn, 1.0))
    library = sdss._sample(np.random.default_rng(0), 2 * posterior.LIBRARY, options.red_fraction)
    for size in (posterior.LIBRARY // 2, posterior.LIBRARY, 2 * posterior.LIBRARY):
        best, left = posterior.estimates(flux, error, sdss.MODEL_SCATTER, library.flux[:size], library.redshift[:size])
        made = (best - drawn.redshift) / (1 + drawn.redshift)
        promised, reached = (np.sqrt(np.mean(np.square(values))) for values in (left, made))
        print(f"{size} galaxies in the library: promised {promised:.4f}, reached {reached:.4f}, of {objects}")


def main() -> None:
    """Check the limit of one survey."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("survey", choices=["clusters", "network", "stamps", "galaxies"])
    asked.add_argument("--objects", type=int)
    asked.add_argument("--steps", type=int, default=12_000, help="of each chain")
    given = asked.parse_args()
    if given.survey == "clusters":
        clusters(given.objects or 12, given.steps)
    else:
        {"network": network, "stamps": stamps, "galaxies": galaxies}[given.survey](
            given.objects or {"network": 40_000, "stamps": 4000, "galaxies": 600}[given.survey]
        )


if __name__ == "__main__":
    main()
