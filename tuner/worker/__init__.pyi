from .loop import Worker

__all__ = [
    "Worker",
]
