"""How a company runs a rule besides its parameters: the status, exceptions, and the second person who agreed."""
