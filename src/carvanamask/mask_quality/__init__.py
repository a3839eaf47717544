"""Repair masks, and say how far they can be trusted."""
