"""Read and write files: pictures, masks, tables, local or in cloud storage."""
