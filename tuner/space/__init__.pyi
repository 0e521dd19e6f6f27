from .parameters import (
    Categorical,
    Fixed,
    Float,
    Int,
    Parameter,
    Scalar,
    Value,
    is_finite_number,
    value_from_json,
    value_to_json,
)
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
    "is_finite_number",
    "value_from_json",
    "value_to_json",
]
