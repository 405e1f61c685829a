"""What every test run shares: one hypothesis profile, so that a failure found once is found again."""

from hypothesis import settings

settings.register_profile("shamtrial", derandomize=True, deadline=None)
settings.load_profile("shamtrial")
