"""A stand-alone Python script that trains one recipe: needs keras, tensorflow and numpy, but not this package."""

from tuner.export.script.compose import python_script

__all__ = ["python_script"]
