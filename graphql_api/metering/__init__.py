"""Usage points, meters, readings and events."""
