"""LeadBoxer: datasets, segments, leads with their sessions and events."""
