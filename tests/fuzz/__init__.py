"""The API held against its own OpenAPI document, over HTTP, by generated requests: `./dev fuzz`, and a little in `./dev test`."""
