"""Everything that runs a whole installation from one command, on nothing but Python.

Standard library only: these modules work before the dependencies are installed.
"""
