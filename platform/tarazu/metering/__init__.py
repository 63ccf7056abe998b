"""Usage points, the meters at them and what the meters showed and reported."""
