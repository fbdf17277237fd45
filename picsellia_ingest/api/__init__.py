"""The platform over HTTP: one module that moves bytes and retries, one that knows the endpoints."""
