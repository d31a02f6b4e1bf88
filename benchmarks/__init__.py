"""What we measure, one file per question; each prints its figures and the ratio to a baseline of the same run."""
