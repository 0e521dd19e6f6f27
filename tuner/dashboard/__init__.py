"""The web dashboard: our pages of studies and trials, and optuna-dashboard, with access control.

Importing this package imports neither Optuna nor its dashboard.
"""

from tuner.dashboard.address import Address, listen
from tuner.dashboard.app import artifact_folder, dashboard_app
from tuner.dashboard.guard import Guard
from tuner.dashboard.launch_page import redirect_page
from tuner.dashboard.server import Dashboard, open_dashboard
from tuner.dashboard.token import TOKEN_VARIABLE, Token

__all__ = [
    "TOKEN_VARIABLE",
    "Address",
    "Dashboard",
    "Guard",
    "Token",
    "artifact_folder",
    "dashboard_app",
    "listen",
    "open_dashboard",
    "redirect_page",
]
