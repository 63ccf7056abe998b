"""Debts and debtors."""
