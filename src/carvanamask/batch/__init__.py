"""Process many pictures, resume, and never do one twice."""
