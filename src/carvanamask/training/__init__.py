"""From labelled pictures to a trained network: torch lives here."""
