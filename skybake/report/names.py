"""Readable names of models, losses, baselines and datasets, as pages show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from skybake.results import identity

ABBREVIATIONS = {"mse", "mae", "mad", "rmse", "sdss", "efeds", "cifar"}
SPELLED = {
    **{"resnet": "ResNet", "efeds": "eFEDS", "decam": "DECam", "huber": "Huber", "gaussian": "Gaussian"},
    **{"bayesian": "Bayesian", "student": "Student", "crossentropy": "cross-entropy"},
}
_WITH_NUMBER = re.compile(r"([a-z]+)(\d+)")


@dataclass(frozen=True)
class Names:
    """Names as the config shows them, or as made of its own: ``mean_squared_error`` is "Mean squared error".

    Attributes:
        display: Name in the config -> name to show, as ``display`` in the config has it.
    """

    display: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return the name to show of a model, loss, baseline or dataset: ``huber-delta=0.3`` is "Huber (delta 0.3)"."""
        if name in self.display:
            return self.display[name]
        base, *parameters = re.split(r"-(?=[A-Za-z_]\w*=)", name)
        shown = self.display.get(base) or _title(base)
        words = [item.replace("=", " ").replace("_", " ").replace("+", ", ") for item in parameters]
        return identity.with_words(shown, ", ".join(words))

    def dataset(self, name: str) -> str:
        """Return the name to show of a dataset: its own, unless ``display`` has another."""
        return self.display.get(name, name)

    def row(self, model: str, loss: str, words: str, *, baseline: bool) -> str:
        """Return the name of a row; ``words`` tell it from rows of the same model and loss."""
        if baseline:
            return identity.with_words(self.of(model), words)
        return f"{self.of(model)}, {self.loss(loss, words)}"

    def loss(self, loss: str, words: str) -> str:
        """Return the name of a loss, with the words that tell its row apart."""
        return identity.with_words(self.of(loss), words)


def _title(name: str) -> str:
    """Return a name in words, the first of which begins with a capital; without vowels it is an abbreviation."""
    said = " ".join(_word(word) for word in name.split("_") if word)
    return said[:1].upper() + said[1:] if said.split(" ")[0] not in SPELLED.values() else said


def _word(word: str) -> str:
    if word in SPELLED:
        return SPELLED[word]
    parts = _WITH_NUMBER.fullmatch(word)
    stem, number = parts.groups() if parts else (word, "")
    if stem in SPELLED:
        return f"{SPELLED[stem]}-{number}"
    if stem in ABBREVIATIONS or (len(stem) > 1 and stem.isalpha() and not set(stem) & set("aeiouy")):
        return stem.upper() + number
    return word
