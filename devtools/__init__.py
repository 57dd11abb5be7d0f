"""The house of RealCo in development: everything behind ./dev, in the standard library alone."""
