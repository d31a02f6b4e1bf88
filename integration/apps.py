"""The integration app: connectors, recipes and the sync engine."""

from django.apps import AppConfig


class IntegrationConfig(AppConfig):
    """Connections, integrations and everything that keeps them in step."""

    name = "integration"
    verbose_name = "Integration"

    def ready(self) -> None:
        """Register the settings checks."""
        from integration import checks  # noqa: F401, PLC0415
