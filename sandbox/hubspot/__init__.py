"""A stand-in for HubSpot: api.hubapi.com, the consent page of app.hubspot.com, and the webhooks of one app."""
