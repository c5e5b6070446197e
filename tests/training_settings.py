"""A training block as the config makes it, for tests."""

from skybake.training.runs import Job
from skybake.training.settings import Training


def job(
    model="simple_sequential", loss="mse", *, parameters=None, loss_parameters=None, inputs=("redshift",), **changes
):
    """Return a short training job; ``changes`` go to the training block."""
    return Job(
        dataset="small",
        model=model,
        loss=loss,
        part=model,
        parameters=parameters or {},
        loss_part=loss,
        loss_parameters=loss_parameters or {},
        label="log10_mass",
        inputs=list(inputs),
        training=Training(**{"epochs": 2, **changes}).model_dump(),
        code="test",
    )
