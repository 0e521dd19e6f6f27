"""The samplers, which propose the next setting.

One file each, with its entry; a class of ours has a file that is named after it.  The table is read without
Optuna, SciPy or torch; they are imported when a sampler is built.

Samplers keep no state of their own between processes.  When a study resumes, the caller builds the sampler again with a
seed derived from (seed of the study, number of existing trials): the same seed would repeat the first proposals.
"""

from tuner.registry import Registry
from tuner.search.samplers.base import FailureEncoding, SamplerEntry
from tuner.search.samplers.cmaes import CMAES
from tuner.search.samplers.gp import GP
from tuner.search.samplers.grid import GRID
from tuner.search.samplers.nsga2 import NSGA2
from tuner.search.samplers.quasi_random import QUASI_RANDOM
from tuner.search.samplers.random import RANDOM
from tuner.search.samplers.tpe import TPE

SAMPLERS: Registry[SamplerEntry] = Registry("sampler", TPE, RANDOM, QUASI_RANDOM, GRID, GP, CMAES, NSGA2)
DEFAULT_SAMPLER = TPE.name

__all__ = ["DEFAULT_SAMPLER", "SAMPLERS", "FailureEncoding"]
