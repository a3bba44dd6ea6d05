"""What drives a search: proposals, training, timing and telling, from its start to its end."""
