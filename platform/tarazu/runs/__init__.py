"""What the machinery did: imports, refused rows, scans."""
