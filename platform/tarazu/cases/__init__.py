"""What people work on, why, and what was found on site."""
