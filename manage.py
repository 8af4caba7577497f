#!/usr/bin/env python
"""Django's command line: `python manage.py help`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from rediskit import connection

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "runserver" not in sys.argv[1:2]:
        connection.use_patient_profile()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(
            f"{error}\nTo load .env: set -a; . ./.env; set +a. "
            "For the stack of run.py: python3 run.py manage ..."
        )
