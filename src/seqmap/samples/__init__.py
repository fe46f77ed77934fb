"""The embedded sample data of each task, written by this project; all of it is synthetic."""
