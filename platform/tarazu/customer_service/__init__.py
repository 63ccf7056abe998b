"""Customers and what they have agreed with the company."""
