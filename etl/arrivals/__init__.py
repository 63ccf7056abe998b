"""Evaluation on arrival: a job in PostgreSQL says that something arrived, and a worker process judges it."""
