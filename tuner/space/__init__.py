"""The search space: parameters, the conditions under which they count, and their order."""

from tuner.space.enumeration import Enumeration
from tuner.space.parameters import Categorical, Fixed, Float, Int, Parameter, Scalar, Value
from tuner.space.space import Dimension, Space, When

__all__ = [
    "Categorical",
    "Dimension",
    "Enumeration",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Scalar",
    "Space",
    "Value",
    "When",
]
