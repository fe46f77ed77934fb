"""The HTTP server: predictions, streams and a web page, without torch."""
