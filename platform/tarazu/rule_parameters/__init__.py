"""What a company sets for the parameters of rules: versions, decisions, and what is in force."""
