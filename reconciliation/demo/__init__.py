"""The demo's month: made-up books and bank files with known faults planted in them. Called by `manage.py demo`."""
