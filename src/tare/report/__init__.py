"""Results as text, JSON and other forms. Nothing here works anything out."""
