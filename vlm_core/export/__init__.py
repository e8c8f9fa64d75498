"""To look at: the review page of documents."""
