"""What people do with cases: the mutations, their inputs and answers."""
