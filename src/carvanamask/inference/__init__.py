"""From a picture to a probability map, with whichever engine suits the machine."""
