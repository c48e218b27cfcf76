"""Readers of other formats: each turns foreign documents into records, and says what it left out."""
