"""What Kaggle folders, picture lists, label lists and submissions mean, and which cars train."""
