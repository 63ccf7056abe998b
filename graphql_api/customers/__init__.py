"""Customers, their agreements, and the points these supply."""
