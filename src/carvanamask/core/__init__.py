"""Values and files: what every other layer is written in. No torch."""
