"""What an exchange leaves behind."""
