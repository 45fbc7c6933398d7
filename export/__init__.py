"""G in production: exporters of a trained run's generator."""
