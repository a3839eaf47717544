"""One file a verb: files in, files out."""
