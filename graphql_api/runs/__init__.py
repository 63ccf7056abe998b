"""Imports, refused rows and scans."""
