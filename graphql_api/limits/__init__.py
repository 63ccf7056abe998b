"""What a request may ask at most: of the parser, of the database, and in a minute."""
