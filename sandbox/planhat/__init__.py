"""The Planhat stand-in."""
