"""A new service, for `watchword init`: its config, its secrets in files, its DKIM key, its folders.

Owns what a new service needs and how it is written: all of it, or nothing. It must not ask
anything: the command line does.
"""

from scheduler.setup.answers import (
    OPERATOR_PASSWORD_FILE,
    SMTP_PASSWORD_FILE,
    RelayAnswers,
    SetupAnswers,
    choose_security,
)
from scheduler.setup.service_files import NewService, SetupError, write_service
from scheduler.setup.system_service import SYSTEM_USER, install_system_service

__all__ = [
    "OPERATOR_PASSWORD_FILE",
    "SMTP_PASSWORD_FILE",
    "SYSTEM_USER",
    "NewService",
    "RelayAnswers",
    "SetupAnswers",
    "SetupError",
    "choose_security",
    "install_system_service",
    "write_service",
]
