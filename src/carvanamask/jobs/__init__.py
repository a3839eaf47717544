"""One file per command: files in, files out, no printing."""
