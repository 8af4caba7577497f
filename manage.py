#!/usr/bin/env python
"""Django's command line: `python manage.py help`."""

import os
import sys

from django.core.management import execute_from_command_line

from rediskit import connection

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "runserver" not in sys.argv[1:2]:
        connection.use_patient_profile()
    execute_from_command_line(sys.argv)
