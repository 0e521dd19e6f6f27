"""Find, hash and load the model files and functions of a project, if its user names them.

Content is named by reference, `models/mlp.py:build`: a path relative to the project and a function in it.  It is
looked up in the project first, then in the package.  Code is loaded from these two places only: a reference that leaves
the project is refused, wherever it comes from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
