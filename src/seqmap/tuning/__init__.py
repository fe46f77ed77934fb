"""Search for a configuration: Optuna over trainings, within limits of size and latency."""
