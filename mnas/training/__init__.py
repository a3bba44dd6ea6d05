"""What happens to one candidate in a worker: built, trained, converted, judged."""
