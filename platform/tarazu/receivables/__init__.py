"""What is owed: by whom, where, and for how long."""
