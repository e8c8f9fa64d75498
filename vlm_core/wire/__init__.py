"""One exchange: a request to bytes, bytes to an answer or an error."""
