"""A picture and its mask → the car before another background."""
