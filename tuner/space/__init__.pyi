from .parameters import Categorical, Fixed, Float, Int, Parameter, Scalar, Value
from .space import Condition, Dimension, Space

__all__ = [
    "Categorical",
    "Condition",
    "Dimension",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Scalar",
    "Space",
    "Value",
]
