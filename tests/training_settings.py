"""A training block as the config makes it, for tests."""

from skybake.training.job import Job, NetworkJob
from skybake.training.settings import Training


def job(
    model="simple_sequential", loss="mse", *, parameters=None, loss_parameters=None, inputs=("redshift",), **changes
):
    """Return a short training job; ``changes`` go to the training block."""
    return NetworkJob(
        dataset="small",
        model=model,
        loss=loss,
        library_model=model,
        model_parameters=parameters or {},
        library_loss=loss,
        loss_parameters=loss_parameters or {},
        label="log10_mass",
        inputs=list(inputs),
        training=Training(**{"epochs": 2, **changes}),
        code="test",
    )


def baseline(name):
    """Return the job of a baseline."""
    return Job(
        dataset="small",
        model=name,
        loss="baseline",
        library_model=name,
        label="log10_mass",
        inputs=("redshift",),
        code="test",
    )
