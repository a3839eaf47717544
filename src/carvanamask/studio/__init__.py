"""The synthetic photo studio: parametric cars on a turntable, path-traced, with exact masks.

Importing this package costs nothing: only `renderer` needs Mitsuba, and only when it renders.
"""
