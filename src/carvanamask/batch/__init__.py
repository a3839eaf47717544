"""Many pictures through one model: carried in shards, on one machine or many, and none done twice."""
