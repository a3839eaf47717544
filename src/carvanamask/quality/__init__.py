"""How far a mask may be trusted when nobody knows the truth."""
