"""Cut cars out and put them before other backgrounds."""
