"""How the process of a benchmark is set up."""

import warnings

import torch
from transformers.utils import logging

from setfit_explain.errors import ConvergenceWarning


def prepare() -> None:
    """Compute with one thread, quietly: what does not converge is counted, not warned of.

    What only the environment can set, ``OMP_NUM_THREADS`` and ``GOMP_SPINCOUNT``, the makefile does.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    logging.disable_progress_bar()
