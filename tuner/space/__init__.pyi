from .parameters import Categorical, Fixed, Float, Int, Parameter, Scalar, Value
from .space import Dimension, Space, When

__all__ = [
    "Categorical",
    "Dimension",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Scalar",
    "Space",
    "Value",
    "When",
]
