"""Ranking: the whole history of a point as features, a probability from inspection outcomes, reasons in words."""
