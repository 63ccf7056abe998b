"""From the database to a ranking and back: histories, training, versions of models, backtests."""
