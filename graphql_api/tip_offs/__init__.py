"""Tip-offs: what was reported, by whom, and the mutation that keeps a report."""
