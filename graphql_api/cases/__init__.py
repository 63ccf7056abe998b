"""Cases, findings with their evidence, rules and inspections."""
