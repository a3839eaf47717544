"""Train networks on labelled pictures; the only package that needs torch."""
