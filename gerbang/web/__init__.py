"""HTTP for everybody but merchants' programs: payment pages, health checks and API documentation."""
