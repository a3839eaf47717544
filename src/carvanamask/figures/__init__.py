"""Plots, contact sheets and the HTML report; the only package that needs matplotlib."""
