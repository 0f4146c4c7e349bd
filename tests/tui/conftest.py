from tests.observation.recorded_fixtures import healthy, held, refused, run_dir, stale

__all__ = ["healthy", "held", "refused", "run_dir", "stale"]
